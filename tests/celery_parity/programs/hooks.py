"""The hooks of a base class: which run, in which order, with what. ``after_return`` is not for retries."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome, wait_until

EXPECTED = {
    "success": {"state": "SUCCESS", "value": 1},
    "success_hooks": ["before_start", "on_success 1", "after_return SUCCESS"],
    "failure": {"state": "FAILURE", "error": "ValueError", "text": "no"},
    "failure_hooks": [
        "before_start",
        "on_retry ValueError no",
        "before_start",
        "on_failure ValueError no",
        "after_return FAILURE",
    ],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    class Noting(celery.Task):  # type: ignore[misc]
        abstract = True

        def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
            note(args[0], "before_start")

        def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
            note(args[0], f"on_success {retval}")

        def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            note(args[0], f"on_failure {type(exc).__name__} {exc}")

        def on_retry(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            note(args[0], f"on_retry {type(exc).__name__} {exc}")

        def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            note(args[0], f"after_return {status}")

    @app.task(base=Noting)
    def succeed(path: str) -> int:
        return 1

    @app.task(base=Noting, bind=True, max_retries=1)
    def fail(self: Any, path: str) -> None:
        try:
            raise ValueError("no")
        except ValueError as error:
            raise self.retry(exc=error, countdown=0.3) from error

    return SimpleNamespace(succeed=succeed, fail=fail)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    good, bad = str(scratch / "good"), str(scratch / "bad")
    success, failure = outcome(tasks.succeed.delay(good)), outcome(tasks.fail.delay(bad))
    wait_until(lambda: len(notes(good)) == 3 and len(notes(bad)) == 5, "the last hook")
    return {"success": success, "success_hooks": notes(good), "failure": failure, "failure_hooks": notes(bad)}
