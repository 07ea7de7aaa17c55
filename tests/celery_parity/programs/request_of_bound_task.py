"""What a bound task sees of its call."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {
    "id": True,
    "root_id": True,
    "parent_id": None,
    "retries": 0,
    "args": [1, 2],
    "kwargs": {"z": 3},
    "is_eager": False,
    "called_directly": False,
    "queue": "parity",
    "headers": {"tenant": "a"},
    "task": True,
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True)
    def look(self: Any, x: int, y: int, z: int = 0) -> dict[str, Any]:
        request = self.request
        return {
            "id": request.id,
            "root_id": request.root_id,
            "parent_id": request.parent_id,
            "retries": request.retries,
            "args": list(request.args),
            "kwargs": request.kwargs,
            "is_eager": request.is_eager,
            "called_directly": request.called_directly,
            "queue": request.delivery_info["routing_key"],
            "headers": request.headers,
            "task": self.name,
        }

    return SimpleNamespace(look=look)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.look.apply_async((1, 2), {"z": 3}, headers={"tenant": "a"})
    seen = result.get(timeout=TIMEOUT)
    return {
        **seen,
        "id": seen["id"] == result.id,
        "root_id": seen["root_id"] == result.id,
        "task": seen["task"] == tasks.look.name,
    }
