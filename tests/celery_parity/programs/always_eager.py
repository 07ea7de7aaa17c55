"""``task_always_eager``: calls run in the sending process; exceptions wait in the result unless told to propagate."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import outcome

EXPECTED = {
    "kind": "EagerResult",
    "here": True,
    "chain": 6,
    "group": [2, 3],
    "chord": 5,
    "failure": {"state": "FAILURE", "error": "ValueError", "text": "negative"},
    "propagated": "ValueError",
    "afterwards": "AsyncResult",
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def process() -> int:
        return os.getpid()

    @app.task
    def add(x: int, y: int) -> int:
        if y < 0:
            raise ValueError("negative")
        return x + y

    @app.task
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    return SimpleNamespace(
        app=app,
        process=process,
        add=add,
        total=total,
        chain=celery.chain,
        group=celery.group,
        chord=celery.chord,
    )


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    add = tasks.add
    tasks.app.conf.task_always_eager = True
    try:
        result = tasks.process.delay()
        found = {
            "kind": type(result).__name__,
            "here": result.get() == os.getpid(),
            "chain": tasks.chain(add.s(1, 2), add.s(3))().get(),
            "group": tasks.group(add.s(1, 1), add.s(1, 2))().get(),
            "chord": tasks.chord([add.s(1, 1), add.s(1, 2)])(tasks.total.s()).get(),
            "failure": outcome(add.delay(1, -1)),
        }
        tasks.app.conf.task_eager_propagates = True
        try:
            add.delay(1, -1)
            found["propagated"] = ""
        except ValueError as error:
            found["propagated"] = type(error).__name__
    finally:
        tasks.app.conf.task_always_eager = False
        tasks.app.conf.task_eager_propagates = False
    return {**found, "afterwards": type(tasks.process.delay()).__name__}
