"""A call that waits for its time is revoked: it never runs, and ``get`` says so."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {
    "revoked": {"state": "REVOKED", "error": "TaskRevokedError", "text": "revoked"},
    "ready": True,
    "successful": False,
    "failed": False,
    "ran": ["other"],
    "other": {"state": "SUCCESS", "value": "other"},
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def mark(path: str, name: str) -> str:
        note(path, name)
        return name

    return SimpleNamespace(mark=mark)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = str(scratch / "ran")
    result = tasks.mark.apply_async((path, "revoked"), countdown=0.8)
    other = tasks.mark.apply_async((path, "other"), countdown=0.8)
    time.sleep(0.1)
    result.revoke()
    ended = outcome(result)
    return {
        "revoked": ended,
        "ready": result.ready(),
        "successful": result.successful(),
        "failed": result.failed(),
        "other": outcome(other),
        "ran": notes(path),
    }
