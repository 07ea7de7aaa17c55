"""The inspection of a server: what it says of itself and of its task queues."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
    ListTaskQueuePartitionsRequest,
    PollWorkflowTaskQueueRequest,
)
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.service import RPCError

from ..client.queues import ACTIVITIES, WORKFLOWS, TaskQueueState, task_queue_state
from ..routing import SEARCH_ATTRIBUTES

_UNUSED_QUEUE = "gnosari-doctor"
"""Task queue that nobody uses: its state is the server's configuration. One name, since the server keeps it."""

_PROBE_KEYS = "aaab"
_POLL_TIMEOUT = timedelta(seconds=20)


async def server_version(client: Client) -> str:
    """The server's version."""
    return str((await client.workflow_service.get_system_info(GetSystemInfoRequest())).server_version)


async def retention(client: Client) -> timedelta:
    """How long the namespace keeps jobs that are over.

    Raises:
        RPCError: NOT_FOUND where there is no such namespace.
    """
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    kept: timedelta = found.config.workflow_execution_retention_ttl.ToTimedelta()
    return kept


async def missing_search_attributes(client: Client) -> tuple[str, ...] | None:
    """Search attributes of the engine that the namespace lacks; None if the server does not say."""
    try:
        found = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError:
        return None
    return tuple(name for name in SEARCH_ATTRIBUTES if name not in found.custom_attributes)


async def default_priority_key(client: Client) -> int | None:
    """The key that the server gives a task without priority, the middle one of its levels; None if it does not say."""
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=_UNUSED_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            report_stats=True,
        )
    )
    keys = list(found.stats_by_priority_key)
    return int(keys[0]) if len(keys) == 1 else None


async def partitions(client: Client, task_queue: str) -> int | None:
    """Into how many parts the server splits the task queue; None if it does not say."""
    try:
        found = await client.workflow_service.list_task_queue_partitions(
            ListTaskQueuePartitionsRequest(namespace=client.namespace, task_queue=TaskQueue(name=task_queue))
        )
    except RPCError:
        return None
    return len(found.workflow_task_queue_partitions) or None


async def task_queue_states(client: Client, names: Iterable[str]) -> list[TaskQueueState]:
    """What waits on task queues, for workflows and for activities."""
    parts = [(name, kind) for name in names for kind in (WORKFLOWS, ACTIVITIES)]
    return list(await asyncio.gather(*(task_queue_state(client, name, kind) for name, kind in parts)))


async def is_fair(client: Client) -> bool:
    """Whether fairness keys take turns, found by trying: four workflows on a task queue of their own.

    Only meaningful where a task queue has one partition. The workflows are terminated and deleted.
    """
    queue = f"gnosari-doctor-{uuid.uuid4().hex[:8]}"
    started = [
        await client.start_workflow(
            "GnosariDoctorProbe",
            id=f"{queue}/{number}{key}",
            task_queue=queue,
            execution_timeout=2 * _POLL_TIMEOUT,
            priority=Priority(fairness_key=key),
        )
        for number, key in enumerate(_PROBE_KEYS)
    ]
    try:
        order = [await _poll_workflow_id(client, queue) for _ in started]
    finally:
        for handle in started:
            await handle.terminate("the probe of `gnosari doctor --probe`")
            await client.workflow_service.delete_workflow_execution(
                DeleteWorkflowExecutionRequest(
                    namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id)
                )
            )
    return order[-1] != started[-1].id


async def _poll_workflow_id(client: Client, task_queue: str) -> str:
    task = await client.workflow_service.poll_workflow_task_queue(
        PollWorkflowTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=task_queue), identity="gnosari doctor"
        ),
        timeout=_POLL_TIMEOUT,
    )
    return str(task.workflow_execution.workflow_id)
