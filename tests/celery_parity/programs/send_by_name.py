"""A call sent by the task's name under an id of the sender's, and found by that id; a task has the name it is given."""

from __future__ import annotations

import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"value": 6, "id": True, "found": 6, "name": "parity.named"}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(name="parity.named")
    def double(x: int) -> int:
        return 2 * x

    return SimpleNamespace(double=double, app=app)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    given = f"order-{uuid.uuid4()}"
    result = tasks.app.send_task("parity.named", args=[3], task_id=given)
    return {
        "value": result.get(timeout=TIMEOUT),
        "id": result.id == given,
        "found": tasks.app.AsyncResult(given).get(timeout=TIMEOUT),
        "name": tasks.double.name,
    }
