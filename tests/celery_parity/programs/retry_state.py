"""Between two attempts the state is RETRY, and the result the exception that is the reason."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import outcome, wait_until

EXPECTED = {
    "waiting": "RETRY",
    "reason": "OSError",
    "ready": False,
    "outcome": {"state": "SUCCESS", "value": "done"},
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True)
    def again(self: Any) -> str:
        if self.request.retries == 0:
            raise self.retry(exc=OSError("busy"), countdown=0.8)
        return "done"

    return SimpleNamespace(again=again)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.again.delay()
    wait_until(lambda: result.state not in ("PENDING", "STARTED"))
    waiting, reason, ready = result.state, type(result.info).__name__, result.ready()
    return {"waiting": waiting, "reason": reason, "ready": ready, "outcome": outcome(result)}
