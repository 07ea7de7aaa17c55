"""What ``retry`` is given as args and kwargs is what the next attempt gets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {"outcome": {"state": "SUCCESS", "value": [3, "c"]}, "seen": ["1 a", "2 b", "3 c"]}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True)
    def step(self: Any, path: str, number: int, *, letter: str = "a") -> list[Any]:
        note(path, f"{number} {letter}")
        if number < 3:
            raise self.retry(args=[path, number + 1], kwargs={"letter": chr(ord(letter) + 1)}, countdown=0)
        return [number, letter]

    return SimpleNamespace(step=step)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = scratch / "attempts"
    return {"outcome": outcome(tasks.step.delay(str(path), 1)), "seen": notes(path)}
