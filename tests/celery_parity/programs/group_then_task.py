"""A group followed by a task is a chord; a task followed by a group gives its result to every call of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"total": 14, "spread": [11, 12], "both": 23}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    @app.task
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    return SimpleNamespace(add=add, total=total, group=celery.group, chain=celery.chain)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    add, total, group = tasks.add, tasks.total, tasks.group
    return {
        "total": (group(add.s(1, 3), add.s(4, 6)) | total.s()).delay().get(timeout=TIMEOUT),
        "spread": (add.s(4, 6) | group(add.s(1), add.s(2))).delay().get(timeout=TIMEOUT),
        "both": tasks.chain(add.s(4, 6), group(add.s(1), add.s(2)), total.s())().get(timeout=TIMEOUT),
    }
