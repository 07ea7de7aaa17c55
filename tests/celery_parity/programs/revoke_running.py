"""A running call is revoked: with ``terminate`` it ends, without it goes on."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome, wait_until

EXPECTED = {
    "terminated": ["REVOKED", "TaskRevokedError"],
    "left": {"state": "SUCCESS", "value": "left"},
    "ran": ["left starts", "left ends", "terminated starts"],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def work(path: str, name: str, seconds: float) -> str:
        note(path, f"{name} starts")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.02)
        note(path, f"{name} ends")
        return name

    return SimpleNamespace(work=work)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = str(scratch / "ran")
    left = tasks.work.delay(path, "left", 0.3)
    wait_until(lambda: len(notes(path)) == 1)
    left.revoke()
    went_on = outcome(left)
    terminated = tasks.work.delay(path, "terminated", 15)
    wait_until(lambda: len(notes(path)) == 3)
    terminated.revoke(terminate=True)
    ended = outcome(terminated)
    return {"terminated": [ended["state"], ended["error"]], "left": went_on, "ran": notes(path)}
