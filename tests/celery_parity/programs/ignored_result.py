"""A task that keeps no result: ``get`` gives nothing, at once, and the task ran."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT, note, notes, wait_until

EXPECTED = {"value": None, "per_call": None, "ran": ["task", "call"]}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(ignore_result=True)
    def forgetful(path: str) -> str:
        note(path, "task")
        return "lost"

    @app.task
    def ordinary(path: str) -> str:
        note(path, "call")
        return "lost"

    return SimpleNamespace(forgetful=forgetful, ordinary=ordinary)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = str(scratch / "ran")
    value = tasks.forgetful.delay(path).get(timeout=TIMEOUT)
    wait_until(lambda: len(notes(path)) == 1)
    per_call = tasks.ordinary.apply_async((path,), ignore_result=True).get(timeout=TIMEOUT)
    wait_until(lambda: len(notes(path)) == 2)
    return {"value": value, "per_call": per_call, "ran": notes(path)}
