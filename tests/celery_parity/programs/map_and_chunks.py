"""One task over many items: ``map``, ``starmap``, ``chunks``."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"map": [1, 4, 9], "starmap": [3, 7], "chunks": [[1, 3], [5, 7], [9]]}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def square(x: int) -> int:
        return x * x

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    return SimpleNamespace(square=square, add=add)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    pairs = [(x, x + 1) for x in range(5)]
    return {
        "map": tasks.square.map([1, 2, 3]).delay().get(timeout=TIMEOUT),
        "starmap": tasks.add.starmap([(1, 2), (3, 4)]).apply_async().get(timeout=TIMEOUT),
        "chunks": tasks.add.chunks(pairs, 2).apply_async().get(timeout=TIMEOUT),
    }
