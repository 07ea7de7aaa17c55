"""A task that raises: state, exception, traceback."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import outcome

EXPECTED = {
    "outcome": {"state": "FAILURE", "error": "ValueError", "text": "no such order: 7"},
    "failed": True,
    "successful": False,
    "ready": True,
    "result": "ValueError",
    "traceback": True,
    "nested": {"state": "FAILURE", "error": "KeyError", "text": "'x'"},
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def fail(order: int) -> None:
        raise ValueError(f"no such order: {order}")

    @app.task
    def nested() -> None:
        try:
            raise ValueError("first")
        except ValueError as error:
            raise KeyError("x") from error

    return SimpleNamespace(fail=fail, nested=nested)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.fail.delay(7)
    return {
        "outcome": outcome(result),
        "failed": result.failed(),
        "successful": result.successful(),
        "ready": result.ready(),
        "result": type(result.result).__name__,
        "traceback": "ValueError: no such order: 7" in result.traceback,
        "nested": outcome(tasks.nested.delay()),
    }
