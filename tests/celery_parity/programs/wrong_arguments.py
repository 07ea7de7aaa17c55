"""Arguments that do not fit the task are refused when it is called, and nothing is sent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

EXPECTED = {"missing": "TypeError", "too_many": "TypeError", "unknown": "TypeError", "by_name": "FAILURE TypeError"}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    return SimpleNamespace(add=add, app=app)


def error_of(task: Any, *args: Any, **kwargs: Any) -> str:
    try:
        task.delay(*args, **kwargs)
    except TypeError as error:
        return type(error).__name__
    return ""


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    sent = tasks.app.send_task(tasks.add.name, args=[1])
    error = sent.get(timeout=20, propagate=False)
    return {
        "missing": error_of(tasks.add, 1),
        "too_many": error_of(tasks.add, 1, 2, 3),
        "unknown": error_of(tasks.add, 1, z=2),
        "by_name": f"{sent.state} {type(error).__name__}",
    }
