"""A call that fails in a chain: what is behind it never runs and fails with the same exception."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome, wait_until

EXPECTED = {
    "last": {"state": "FAILURE", "error": "ValueError", "text": "broken"},
    "middle": "FAILURE",
    "first": "SUCCESS",
    "ran": ["first"],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def mark(path: str, name: str) -> str:
        note(path, name)
        return name

    @app.task
    def fail(path: str) -> None:
        raise ValueError("broken")

    return SimpleNamespace(mark=mark, fail=fail, chain=celery.chain)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = str(scratch / "ran")
    result = tasks.chain(tasks.mark.s(path, "first"), tasks.fail.si(path), tasks.mark.si(path, "last"))()
    wait_until(result.ready)  # on Celery the exception of the one before it may be there first
    last = outcome(result)
    return {
        "last": last,
        "middle": result.parent.state,
        "first": result.parent.parent.state,
        "ran": notes(path),
    }
