"""The limit that ``retry`` is given goes before the task's own; the default is three retries, ``None`` is no limit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {"given": ["FAILURE", 2], "default": ["FAILURE", 4], "unlimited": ["SUCCESS", 6]}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True, max_retries=5)
    def given(self: Any, path: str) -> None:
        note(path)
        raise self.retry(countdown=0, max_retries=1)

    @app.task(bind=True)
    def default(self: Any, path: str) -> None:
        note(path)
        raise self.retry(countdown=0)

    @app.task(bind=True, max_retries=None)
    def unlimited(self: Any, path: str) -> int:
        if note(path) < 6:
            raise self.retry(countdown=0)
        return 6

    return SimpleNamespace(given=given, default=default, unlimited=unlimited)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    names = ("given", "default", "unlimited")
    states = {name: outcome(getattr(tasks, name).delay(str(scratch / name)))["state"] for name in names}
    return {name: [states[name], len(notes(scratch / name))] for name in names}
