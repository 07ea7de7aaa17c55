"""A retry waits as long as its countdown says."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {"outcome": {"state": "SUCCESS", "value": "later"}, "attempts": 2, "waited": True}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True)
    def later(self: Any, path: str) -> str:
        if note(path, str(time.time())) == 1:
            raise self.retry(countdown=0.8)
        return "later"

    return SimpleNamespace(later=later)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = scratch / "attempts"
    ended = outcome(tasks.later.delay(str(path)))
    first, second = map(float, notes(path))
    return {"outcome": ended, "attempts": len(notes(path)), "waited": second - first >= 0.75}
