"""The worker as the server sees it: what its heartbeats say, on whatever machine it runs."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import psutil
from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ..settings import Lane
from .queues import queue_states, queues_in_use

_SHORTEST_SILENCE = timedelta(seconds=35)
"""A worker that was silent for longer, and for longer than twice its own interval, has gone."""


class WorkerPool(BaseModel):
    """One task queue that a worker polls, with its slots."""

    model_config = ConfigDict(frozen=True)

    task_queue: str
    slots_used: int
    slots_free: int
    workflow_slots_used: int
    cached_workflows: int
    jobs_done: int
    """Activities since the start of the worker."""


class WorkerState(BaseModel):
    """One worker process."""

    model_config = ConfigDict(frozen=True)

    identity: str
    host: str = ""
    pid: str = ""
    started_at: datetime | None = None
    last_heartbeat: datetime | None = None
    host_cpu: float | None = None
    """Use of the machine's processors, 0 to 1."""
    host_memory: float | None = None
    """Use of the machine's memory, 0 to 1."""
    sdk: str = ""
    pools: tuple[WorkerPool, ...] = ()


async def worker_states(client: Client, queues: Iterable[str], lanes: Iterable[Lane]) -> list[WorkerState]:
    """The workers that the server hears from.

    A server without worker heartbeats (before 1.29, or with them off) tells only who polls the queues.
    """
    beats = await _heartbeats(client)
    if beats is None:
        states = await queue_states(client, await queues_in_use(client, queues), lanes)
        return [WorkerState(identity=name) for name in sorted({w for state in states for w in state.workers})]
    by_identity: dict[str, list[WorkerHeartbeat]] = {}
    for beat in beats:
        by_identity.setdefault(beat.worker_identity, []).append(beat)
    return [_state(identity, found) for identity, found in sorted(by_identity.items())]


async def _heartbeats(client: Client) -> list[WorkerHeartbeat] | None:
    found: list[WorkerHeartbeat] = []
    token = b""
    while True:
        try:
            page = await client.workflow_service.list_workers(
                ListWorkersRequest(namespace=client.namespace, next_page_token=token)
            )
        except RPCError:
            return None
        found += [info.worker_heartbeat for info in page.workers_info if _is_here(info.worker_heartbeat)]
        token = page.next_page_token
        if not token:
            return found


def _is_here(beat: WorkerHeartbeat) -> bool:
    if beat.status == WorkerStatus.WORKER_STATUS_SHUTDOWN:
        return False
    pid = beat.host_info.process_id  # a text: other SDKs may write what they like
    if beat.host_info.host_name == socket.gethostname() and pid.isdecimal() and not psutil.pid_exists(int(pid)):
        return False
    interval: timedelta = beat.elapsed_since_last_heartbeat.ToTimedelta()
    silence = datetime.now(UTC) - beat.heartbeat_time.ToDatetime(tzinfo=UTC)
    return silence < max(_SHORTEST_SILENCE, 2 * interval)


def _state(identity: str, beats: list[WorkerHeartbeat]) -> WorkerState:
    last = max(beats, key=lambda beat: beat.heartbeat_time.ToNanoseconds())
    return WorkerState(
        identity=identity,
        host=last.host_info.host_name,
        pid=last.host_info.process_id,
        started_at=min(beat.start_time.ToDatetime(tzinfo=UTC) for beat in beats),
        last_heartbeat=last.heartbeat_time.ToDatetime(tzinfo=UTC),
        host_cpu=last.host_info.current_host_cpu_usage,
        host_memory=last.host_info.current_host_mem_usage,
        sdk=f"{last.sdk_name} {last.sdk_version}",
        pools=tuple(
            _pool(name, [beat for beat in beats if beat.task_queue == name])
            for name in sorted({beat.task_queue for beat in beats})
        ),
    )


def _pool(task_queue: str, beats: list[WorkerHeartbeat]) -> WorkerPool:
    """One task queue: workflows and consumers on it are two workers of the SDK."""
    activities = [beat.activity_task_slots_info for beat in beats]
    return WorkerPool(
        task_queue=task_queue,
        slots_used=sum(slots.current_used_slots for slots in activities),
        slots_free=sum(slots.current_available_slots for slots in activities),
        workflow_slots_used=sum(beat.workflow_task_slots_info.current_used_slots for beat in beats),
        cached_workflows=sum(beat.current_sticky_cache_size for beat in beats),
        jobs_done=sum(slots.total_processed_tasks for slots in activities),
    )
