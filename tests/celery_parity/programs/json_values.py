"""Values of JSON come back as they were; a tuple is a list."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

VALUES = [None, True, 0, -1.5, "", "äöü ✅", [], [1, [2]], {"a": {"b": [None]}}, 10**15]
EXPECTED = {"values": VALUES, "tuple": [1, 2], "nothing": None}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def echo(value: Any) -> Any:
        return value

    @app.task
    def nothing() -> None:
        return None

    return SimpleNamespace(echo=echo, nothing=nothing)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    results = [tasks.echo.delay(value) for value in VALUES]
    return {
        "values": [result.get(timeout=TIMEOUT) for result in results],
        "tuple": tasks.echo.delay((1, 2)).get(timeout=TIMEOUT),
        "nothing": tasks.nothing.delay().get(timeout=TIMEOUT),
    }
