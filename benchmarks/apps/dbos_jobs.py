"""The jobs as DBOS workflows with one step each, on its default store, a SQLite file.

python -m benchmarks.apps.dbos_jobs DATABASE QUEUE SLOTS POLLING_SECONDS EXECUTOR
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import Any

from dbos import DBOS

from .work import SURVIVOR_STAYS, mark


@DBOS.step()
def double(job: dict[str, Any]) -> int:
    return int(job["n"]) * 2


@DBOS.step()
def hold(job: dict[str, Any]) -> None:
    mark(job["path"])
    time.sleep(job["seconds"])


@DBOS.step()
def begin(job: dict[str, Any]) -> float:
    return time.monotonic()


@DBOS.step()
def survive(job: dict[str, Any]) -> int:
    attempt = mark(job["path"])
    if attempt == 1:
        time.sleep(SURVIVOR_STAYS)
    return attempt


STEPS = {"double": double, "hold": hold, "begin": begin, "survive": survive}


@DBOS.workflow(name="run")
def run(name: str, job: dict[str, Any]) -> Any:
    return STEPS[name](job)


def main(database: str, queue: str, slots: str, polling: str, executor: str) -> None:
    """Work until told to stop."""
    DBOS(
        config={
            "name": "benchmarks",
            "system_database_url": f"sqlite:///{database}",
            "executor_id": executor,
            "log_level": "WARNING",
            "application_version": "1",
        }
    )
    DBOS.launch()
    DBOS.register_queue(queue, worker_concurrency=int(slots), polling_interval_sec=float(polling))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    DBOS.destroy()


if __name__ == "__main__":
    main(*sys.argv[1:])
