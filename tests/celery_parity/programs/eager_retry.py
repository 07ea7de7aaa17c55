"""Retries of a task that runs in this process: at once, with the same limit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {
    "recovered": {"state": "SUCCESS", "value": 2},
    "failed": {"state": "FAILURE", "error": "OSError", "text": "no"},
    "attempts": [3, 3],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True, max_retries=2)
    def flaky(self: Any, path: str, good: int) -> int:
        attempt = note(path)
        if self.request.retries < good:
            raise self.retry(exc=OSError("no"), countdown=30)
        return attempt - 1

    return SimpleNamespace(flaky=flaky)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    return {
        "recovered": outcome(tasks.flaky.apply((str(scratch / "a"), 2))),
        "failed": outcome(tasks.flaky.apply((str(scratch / "b"), 9))),
        "attempts": [len(notes(scratch / "a")), len(notes(scratch / "b"))],
    }
