"""The retry of a task that takes a serialized message and gives ``retry`` no new args, as Gnosari's document has it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

MESSAGE = {
    "message_id": "parity-1",
    "created_at": "2026-01-01T00:00:00Z",
    "priority": 5,
    "retry_count": 0,
    "max_retries": 2,
}
EXPECTED = {"outcome": {"state": "FAILURE", "error": "OSError", "text": "no"}, "counts": ["0", "0", "0"]}
HERE = {**EXPECTED, "counts": ["0", "1", "2"]}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True)
    def process(self: Any, message_data: dict[str, Any], path: str) -> None:
        note(path, str(message_data["retry_count"]))
        retry_count = message_data["retry_count"] + 1
        try:
            raise OSError("no")
        except OSError as error:
            countdown = 0.01 * 2**retry_count
            raise self.retry(exc=error, countdown=countdown, max_retries=message_data["max_retries"]) from error

    return SimpleNamespace(process=process)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = scratch / "counts"
    return {"outcome": outcome(tasks.process.delay(MESSAGE, str(path))), "counts": notes(path)}
