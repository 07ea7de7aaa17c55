"""A chord: the body gets the header's results in order, whatever ends first; also with one call, and with none."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"list": ["c", "b", "a"], "with_argument": ["-", "c", "b"], "one": ["a"], "parent": ["c", "b", "a"]}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def letter(name: str, delay: float) -> str:
        time.sleep(delay)
        return name

    @app.task
    def collect(letters: list[str], first: str = "") -> list[str]:
        return [first, *letters] if first else letters

    return SimpleNamespace(letter=letter, collect=collect, chord=celery.chord)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    letter, collect, chord = tasks.letter, tasks.collect, tasks.chord
    result = chord([letter.s("c", 0.1), letter.s("b", 0.05), letter.s("a", 0)])(collect.s())
    return {
        "list": result.get(timeout=TIMEOUT),
        "with_argument": chord((letter.s("c", 0), letter.s("b", 0)), collect.s("-"))().get(timeout=TIMEOUT),
        "one": chord([letter.s("a", 0)])(collect.s()).get(timeout=TIMEOUT),
        "parent": result.parent.get(timeout=TIMEOUT),
    }
