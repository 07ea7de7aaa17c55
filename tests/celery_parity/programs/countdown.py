"""A call with a countdown or an eta starts no earlier, and is PENDING until then."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import TIMEOUT

EXPECTED = {"before": ["PENDING", "PENDING", "PENDING"], "in_time": [True, True, True], "past": True}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def now() -> float:
        return time.time()

    return SimpleNamespace(now=now)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    sent = time.time()
    at = datetime.now(UTC) + timedelta(seconds=0.8)
    results = [
        tasks.now.apply_async(countdown=0.8),
        tasks.now.apply_async(eta=at),
        tasks.now.apply_async(eta=at.replace(tzinfo=None)),
    ]
    before = [result.state for result in results]
    past = tasks.now.apply_async(eta=at - timedelta(hours=1)).get(timeout=TIMEOUT)
    started = [result.get(timeout=TIMEOUT) for result in results]
    return {
        "before": before,
        "in_time": [0.75 <= start - sent < 10 for start in started],
        "past": past - sent < 5,
    }
