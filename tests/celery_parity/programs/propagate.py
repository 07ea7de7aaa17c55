"""An exception of the code's own comes back as itself; ``propagate=False`` gives it instead of raising it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"caught": True, "args": ["A-7", 3], "given": "OutOfStock", "value": 1}


class OutOfStock(Exception):
    """An exception with two arguments."""

    def __init__(self, article: str, wanted: int) -> None:
        super().__init__(article, wanted)
        self.article = article


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def order(article: str, wanted: int) -> int:
        if wanted > 1:
            raise OutOfStock(article, wanted)
        return wanted

    return SimpleNamespace(order=order)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.order.delay("A-7", 3)
    caught, args = False, []
    try:
        result.get(timeout=TIMEOUT)
    except OutOfStock as error:
        caught, args = error.article == "A-7", list(error.args)
    return {
        "caught": caught,
        "args": args,
        "given": type(result.get(timeout=TIMEOUT, propagate=False)).__name__,
        "value": tasks.order.delay("A-7", 1).get(timeout=TIMEOUT, propagate=False),
    }
