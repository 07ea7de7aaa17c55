"""A call with positional and keyword arguments that succeeds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {
    "values": [5, 7, 24],
    "ready": True,
    "successful": True,
    "failed": False,
    "state": "SUCCESS",
    "status": "SUCCESS",
    "result": 5,
    "traceback": None,
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def combine(x: int, y: int = 1, *, factor: int = 1) -> int:
        return (x + y) * factor

    return SimpleNamespace(combine=combine)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.combine.delay(2, 3)
    others = [tasks.combine.delay(6), tasks.combine.apply_async((4,), {"y": 4, "factor": 3})]
    values = [each.get(timeout=TIMEOUT) for each in (result, *others)]
    return {
        "values": values,
        "ready": result.ready(),
        "successful": result.successful(),
        "failed": result.failed(),
        "state": result.state,
        "status": result.status,
        "result": result.result,
        "traceback": result.traceback,
    }
