"""The workers that the server hears from."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat

from gnosari_temporal.client import workers


def heartbeat(task_queue: str = "orders", *, age: float = 0, pid: str | None = None, **fields: Any) -> WorkerHeartbeat:
    beat = WorkerHeartbeat(task_queue=task_queue, worker_identity="1@here", **fields)
    beat.heartbeat_time.FromDatetime(datetime.now(UTC) - timedelta(seconds=age))
    beat.elapsed_since_last_heartbeat.FromTimedelta(timedelta(seconds=10))
    beat.host_info.host_name = socket.gethostname()
    beat.host_info.process_id = str(os.getpid()) if pid is None else pid
    return beat


def test_workflows_and_consumers_of_a_task_queue_are_one_pool() -> None:
    consumers, workflow_worker, express = heartbeat(), heartbeat(), heartbeat("orders.express")
    consumers.activity_task_slots_info.current_used_slots = 3
    consumers.activity_task_slots_info.current_available_slots = 7
    consumers.activity_task_slots_info.total_processed_tasks = 40
    workflow_worker.current_sticky_cache_size = 9

    ordinary, lane = workers._state("1@here", [express, consumers, workflow_worker]).pools

    assert (ordinary.task_queue, lane.task_queue) == ("orders", "orders.express")
    assert (ordinary.slots_used, ordinary.slots_free, ordinary.jobs_done, ordinary.cached_workflows) == (3, 7, 40, 9)


@pytest.mark.parametrize(
    ("said", "is_here"),
    [
        ({}, True),
        ({"age": 30}, True),
        ({"age": 60}, False),
        ({"status": WorkerStatus.WORKER_STATUS_SHUTDOWN}, False),
        ({"pid": "a name that another SDK gives"}, True),
    ],
)
def test_a_worker_is_here_while_it_is_heard(said: dict[str, Any], is_here: bool) -> None:
    assert workers._is_here(heartbeat(**said)) is is_here


def test_a_worker_of_this_machine_whose_process_has_gone_is_not_here() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not workers._is_here(heartbeat(pid=str(gone.pid)))
