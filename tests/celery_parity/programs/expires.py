"""A call that is not started before its expiry never runs and is REVOKED."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {
    "seconds": ["REVOKED", "TaskRevokedError"],
    "time": ["REVOKED", "TaskRevokedError"],
    "in_time": {"state": "SUCCESS", "value": "in_time"},
    "ran": ["in_time"],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def mark(path: str, name: str) -> str:
        note(path, name)
        return name

    return SimpleNamespace(mark=mark)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path = str(scratch / "ran")
    past = datetime.now(UTC) - timedelta(minutes=1)
    seconds = tasks.mark.apply_async((path, "seconds"), countdown=0.8, expires=0.2)
    time = tasks.mark.apply_async((path, "time"), expires=past)
    in_time = tasks.mark.apply_async((path, "in_time"), expires=60)
    ended = {"seconds": outcome(seconds), "time": outcome(time)}
    return {
        **{name: [each["state"], each["error"]] for name, each in ended.items()},
        "in_time": outcome(in_time),
        "ran": notes(path),
    }
