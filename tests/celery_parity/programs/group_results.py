"""A group: results in the order of its calls, whichever ends first."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {
    "values": [0, 1, 4, 9],
    "join": [0, 1, 4, 9],
    "completed": 4,
    "ready": True,
    "successful": True,
    "waiting": False,
    "length": 4,
    "first": 0,
    "of_list": [4, 1],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def square(x: int) -> int:
        time.sleep(0.02 * (4 - x))
        return x * x

    return SimpleNamespace(square=square, group=celery.group)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.group(tasks.square.s(x) for x in range(4)).apply_async()
    values = result.get(timeout=TIMEOUT)
    return {
        "values": values,
        "join": result.join(timeout=TIMEOUT),
        "completed": result.completed_count(),
        "ready": result.ready(),
        "successful": result.successful(),
        "waiting": result.waiting(),
        "length": len(result),
        "first": result[0].get(timeout=TIMEOUT),
        "of_list": tasks.group([tasks.square.s(2), tasks.square.s(1)])().get(timeout=TIMEOUT),
    }
