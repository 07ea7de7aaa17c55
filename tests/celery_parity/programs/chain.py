"""A chain: each call gets the result of the one before; immutable ones do not; parents are at hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT, note, notes

EXPECTED = {
    "value": 20,
    "parents": [10, 3],
    "piped": 20,
    "immutable": "b",
    "seen": ["a", "b"],
    "states": ["SUCCESS"] * 3,
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    @app.task
    def mark(path: str, name: str) -> str:
        note(path, name)
        return name

    return SimpleNamespace(add=add, mark=mark, chain=celery.chain)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = str(scratch / "seen")
    result = tasks.chain(tasks.add.s(1, 2), tasks.add.s(7), tasks.add.s(10)).apply_async()
    value = result.get(timeout=TIMEOUT)
    parents = [result.parent, result.parent.parent]
    return {
        "value": value,
        "parents": [parent.get(timeout=TIMEOUT) for parent in parents],
        "piped": (tasks.add.s(1, 2) | tasks.add.s(7) | tasks.add.s(10)).delay().get(timeout=TIMEOUT),
        "immutable": (tasks.mark.si(path, "a") | tasks.mark.si(path, "b"))().get(timeout=TIMEOUT),
        "seen": notes(path),
        "states": [each.state for each in (result, *parents)],
    }
