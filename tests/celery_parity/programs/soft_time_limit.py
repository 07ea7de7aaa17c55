"""A soft time limit raises in the body, which may tidy up and return, or let it pass."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import outcome

EXPECTED = {
    "tidied": {"state": "SUCCESS", "value": "tidied"},
    "passed": ["FAILURE", "SoftTimeLimitExceeded"],
    "in_time": {"state": "SUCCESS", "value": "in time"},
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    def work(seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.02)
        return "in time"

    @app.task(soft_time_limit=1)
    def tidy(seconds: float) -> str:
        try:
            return work(seconds)
        except celery.exceptions.SoftTimeLimitExceeded:
            return "tidied"

    @app.task
    def passing(seconds: float) -> str:
        return work(seconds)

    return SimpleNamespace(tidy=tidy, passing=passing)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    tidied, passed = tasks.tidy.delay(10), tasks.passing.apply_async((10,), soft_time_limit=1)
    in_time = tasks.tidy.delay(0.1)
    ended = outcome(passed)
    return {
        "tidied": outcome(tidied),
        "passed": [ended["state"], ended["error"]],
        "in_time": outcome(in_time),
    }
