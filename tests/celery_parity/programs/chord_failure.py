"""A call of a chord's header that fails: the body never runs and fails with ChordError, the others run to their end.

``get`` of the handle that the chord gave raises the header's own exception, since it asks its parents first.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome, wait_until

EXPECTED = {
    "body": ["FAILURE", "ChordError"],
    "names_cause": True,
    "through_parent": "ValueError",
    "ran": ["1", "2"],
    "header": ["SUCCESS", "FAILURE"],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def part(path: str, number: int) -> int:
        note(path, str(number))
        if number == 2:
            raise ValueError("broken")
        return number

    @app.task
    def body(numbers: list[int], path: str) -> None:
        note(path, "body")

    return SimpleNamespace(part=part, body=body, chord=celery.chord, app=app)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = str(scratch / "ran")
    result = tasks.chord([tasks.part.s(path, 1), tasks.part.s(path, 2)])(tasks.body.s(path))
    ended = outcome(tasks.app.AsyncResult(result.id))
    wait_until(result.parent.ready)
    return {
        "body": [ended["state"], ended["error"]],
        "names_cause": "ValueError" in ended["text"] and "broken" in ended["text"],
        "through_parent": outcome(result)["error"],
        "ran": sorted(notes(path)),
        "header": [each.state for each in result.parent.results],
    }
