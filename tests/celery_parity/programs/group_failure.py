"""A group with a call that fails: the others run to their end, ``get`` raises or, asked to, gives the exception."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT, wait_until

EXPECTED = {
    "raised": "ValueError odd",
    "given": [0, "ValueError", 2],
    "failed": True,
    "successful": False,
    "completed": 2,
    "states": ["SUCCESS", "FAILURE", "SUCCESS"],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def even(x: int) -> int:
        if x % 2:
            raise ValueError("odd")
        return x

    return SimpleNamespace(even=even, group=celery.group)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.group(tasks.even.s(x) for x in range(3)).apply_async()
    wait_until(result.ready)
    try:
        result.get(timeout=TIMEOUT)
        raised = ""
    except ValueError as error:
        raised = f"{type(error).__name__} {error}"
    given = result.get(timeout=TIMEOUT, propagate=False)
    return {
        "raised": raised,
        "given": [type(value).__name__ if isinstance(value, Exception) else value for value in given],
        "failed": result.failed(),
        "successful": result.successful(),
        "completed": result.completed_count(),
        "states": [each.state for each in result.results],
    }
