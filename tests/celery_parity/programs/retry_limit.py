"""The limit of retries: two are three attempts, none is one; then the exception that was given counts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {
    "two": {"state": "FAILURE", "error": "OSError", "text": "attempt 3"},
    "two_attempts": 3,
    "none": {"state": "FAILURE", "error": "OSError", "text": "attempt 1"},
    "none_attempts": 1,
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    def body(self: Any, path: str) -> None:
        attempt = note(path)
        raise self.retry(exc=OSError(f"attempt {attempt}"), countdown=0)

    return SimpleNamespace(
        two=app.task(bind=True, max_retries=2, name="parity.retry_limit.two")(body),
        none=app.task(bind=True, max_retries=0, name="parity.retry_limit.none")(body),
    )


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    two, none = scratch / "two", scratch / "none"
    return {
        "two": outcome(tasks.two.delay(str(two))),
        "two_attempts": len(notes(two)),
        "none": outcome(tasks.none.delay(str(none))),
        "none_attempts": len(notes(none)),
    }
