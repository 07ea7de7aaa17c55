"""An id that no call has, and one whose result was forgotten."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"unknown": ["PENDING", False], "forgotten": ["PENDING", False], "value": 1}
HERE = {"unknown": ["UNKNOWN", False], "forgotten": ["UNKNOWN", False], "value": 1}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def one() -> int:
        return 1

    return SimpleNamespace(one=one, app=app)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    unknown = tasks.app.AsyncResult("no-such-call")
    result = tasks.one.delay()
    value = result.get(timeout=TIMEOUT)
    result.forget()
    again = tasks.app.AsyncResult(result.id)
    return {
        "unknown": [unknown.state, unknown.ready()],
        "forgotten": [again.state, again.ready()],
        "value": value,
    }
