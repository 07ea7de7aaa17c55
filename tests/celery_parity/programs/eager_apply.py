"""``apply`` runs a task in this process: success, failure, and the failure raised at once."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import outcome

EXPECTED = {
    "success": {"state": "SUCCESS", "value": 3},
    "successful": True,
    "result": 3,
    "kind": "EagerResult",
    "failure": {"state": "FAILURE", "error": "ValueError", "text": "negative"},
    "failed": True,
    "traceback": True,
    "thrown": "ValueError",
    "request": [True, False, 0, True],
    "here": True,
    "signature": 7,
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def add(x: int, y: int) -> int:
        if x < 0:
            raise ValueError("negative")
        return x + y

    @app.task(bind=True)
    def look(self: Any) -> list[Any]:
        request = self.request
        return [request.is_eager, request.called_directly, request.retries, request.id is not None, os.getpid()]

    return SimpleNamespace(add=add, look=look)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    success, failure = tasks.add.apply(args=[1, 2]), tasks.add.apply((-1, 2))
    try:
        tasks.add.apply((-1, 2), throw=True)
        thrown = ""
    except ValueError as error:
        thrown = type(error).__name__
    *request, process = tasks.look.apply().get()
    return {
        "success": outcome(success),
        "successful": success.successful(),
        "result": success.result,
        "kind": type(success).__name__,
        "failure": outcome(failure),
        "failed": failure.failed(),
        "traceback": "ValueError" in failure.traceback,
        "thrown": thrown,
        "request": request,
        "here": process == os.getpid(),
        "signature": tasks.add.s(3, 4).apply().get(),
    }
