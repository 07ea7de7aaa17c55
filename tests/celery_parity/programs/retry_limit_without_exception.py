"""``retry`` without an exception, at the limit: MaxRetriesExceededError, also where another one is being handled."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {"bare": "FAILURE MaxRetriesExceededError", "handled": "FAILURE MaxRetriesExceededError", "attempts": [2, 2]}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True, max_retries=1)
    def bare(self: Any, path: str) -> None:
        note(path)
        raise self.retry(countdown=0)

    @app.task(bind=True, max_retries=1)
    def handled(self: Any, path: str) -> None:
        note(path)
        try:
            1 / 0
        except ZeroDivisionError:
            raise self.retry(countdown=0)  # noqa: B904

    return SimpleNamespace(bare=bare, handled=handled)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    bare, handled = outcome(tasks.bare.delay(str(scratch / "a"))), outcome(tasks.handled.delay(str(scratch / "b")))
    return {
        "bare": f"{bare['state']} {bare['error']}",
        "handled": f"{handled['state']} {handled['error']}",
        "attempts": [len(notes(scratch / "a")), len(notes(scratch / "b"))],
    }
