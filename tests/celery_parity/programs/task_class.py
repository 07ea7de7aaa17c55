"""A task written as a class: registered, with attributes, called like any other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"value": 12, "name": "parity.Scale", "through_base": 9, "direct": 6}


def build(app: Any, celery: Any) -> SimpleNamespace:
    class Scale(celery.Task):  # type: ignore[misc]
        name = "parity.Scale"
        factor = 3

        def run(self, x: int) -> int:
            return x * self.factor

    class Doubling(celery.Task):  # type: ignore[misc]
        abstract = True

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * self.run(*args, **kwargs) + 1

    @app.task(base=Doubling)
    def plain(x: int) -> int:
        return x

    return SimpleNamespace(scale=app.register_task(Scale()), plain=plain)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    return {
        "value": tasks.scale.delay(4).get(timeout=TIMEOUT),
        "name": tasks.scale.name,
        "through_base": tasks.plain.delay(4).get(timeout=TIMEOUT),
        "direct": tasks.scale.run(2),
    }
