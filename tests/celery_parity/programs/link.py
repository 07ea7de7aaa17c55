"""Callbacks: after success with the result, after failure with request, exception and traceback; never both."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome, wait_until

EXPECTED = {
    "success": {"state": "SUCCESS", "value": 3},
    "failure": {"state": "FAILURE", "error": "ValueError", "text": "negative"},
    "called": ["error ValueError negative same-id", "linked 3", "linked 30"],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def add(x: int, y: int) -> int:
        if x < 0:
            raise ValueError("negative")
        return x + y

    @app.task
    def linked(value: int, path: str) -> None:
        note(path, f"linked {value}")

    @app.task
    def failed(request: Any, exc: Exception, traceback: str, path: str, id: str) -> None:
        same = "same-id" if request.id == id else request.id
        note(path, f"error {type(exc).__name__} {exc} {same}")

    return SimpleNamespace(add=add, linked=linked, failed=failed)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    path, id = str(scratch / "called"), f"link-{scratch.name}-{scratch.stat().st_ino}"
    error = tasks.failed.s(path, id)
    good = tasks.add.apply_async((1, 2), link=tasks.linked.s(path), link_error=error)
    bad = tasks.add.apply_async((-1, 2), link=tasks.linked.s(path), link_error=error, task_id=id)
    signature = tasks.add.s(10, 20)
    signature.link(tasks.linked.s(path))
    signature.delay()
    success, failure = outcome(good), outcome(bad)
    wait_until(lambda: len(notes(path)) == 3, "the last callback")
    return {"success": success, "failure": failure, "called": sorted(notes(path))}
