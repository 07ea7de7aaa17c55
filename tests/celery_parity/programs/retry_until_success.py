"""A task that asks for another try twice, then succeeds: three attempts, one id."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {"outcome": {"state": "SUCCESS", "value": "third"}, "retries": ["0", "1", "2"], "ids": 1}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True)
    def flaky(self: Any, path: str) -> str:
        note(path, f"{self.request.retries} {self.request.id}")
        if self.request.retries < 2:
            raise self.retry(countdown=0)
        return "third"

    return SimpleNamespace(flaky=flaky)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = scratch / "attempts"
    ended = outcome(tasks.flaky.delay(str(path)))
    attempts = [line.split() for line in notes(path)]
    return {"outcome": ended, "retries": [tried for tried, _ in attempts], "ids": len({id for _, id in attempts})}
