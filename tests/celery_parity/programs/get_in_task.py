"""Waiting for a result inside a task is refused, unless it is allowed in so many words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"refused": "RuntimeError", "says_why": True, "by_argument": 1, "by_context": 1}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def one() -> int:
        return 1

    @app.task
    def wait(how: str) -> Any:
        result = one.delay()
        if how == "argument":
            return result.get(timeout=TIMEOUT, disable_sync_subtasks=False)
        if how == "context":
            with celery.result.allow_join_result():
                return result.get(timeout=TIMEOUT)
        return result.get(timeout=TIMEOUT)

    return SimpleNamespace(wait=wait)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    error = tasks.wait.delay("plainly").get(timeout=TIMEOUT, propagate=False)
    return {
        "refused": type(error).__name__,
        "says_why": "within a task" in str(error),
        "by_argument": tasks.wait.delay("argument").get(timeout=TIMEOUT),
        "by_context": tasks.wait.delay("context").get(timeout=TIMEOUT),
    }
