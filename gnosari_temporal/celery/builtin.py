"""Tasks that every app has: those behind ``map`` and ``starmap``."""

from __future__ import annotations

from typing import Any

from .canvas import MAP, STARMAP
from .current import task_of_name
from .signatures import as_signature
from .task import Task


def _body(task: Any) -> Any:
    given = as_signature(task)

    def call(*args: Any) -> Any:
        found = task_of_name(given.task)
        positional, named, _ = given.merged(args, {})
        return found(*positional, **named)

    return call


class _Map(Task):
    """Runs the body of a task for each item."""

    name = MAP

    def run(self, task: Any, it: Any) -> list[Any]:
        """Run it."""
        call = _body(task)
        return [call(item) for item in it]


class _StarMap(Task):
    """Runs the body of a task for each tuple of arguments."""

    name = STARMAP

    def run(self, task: Any, it: Any) -> list[Any]:
        """Run it."""
        call = _body(task)
        return [call(*items) for items in it]


BUILTIN: dict[str, Task] = {task.name or "": task for task in (_Map(), _StarMap())}
"""By name."""
