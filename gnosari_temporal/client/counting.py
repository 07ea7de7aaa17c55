"""Counting a batch: how far each chunk is, at one look at the server for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType, PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..execution.batch import MEMO_CHUNK, ChunkMemo, ChunkResult, chunk_id
from .following import ChunkFollower
from .status import stuck_reason

_WITH_A_WORKER = (
    PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
    PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
)


@dataclass(frozen=True)
class ChunkCount:
    """How far one chunk is."""

    size: int
    total: int | None
    """Messages of the batch, if this is its last chunk."""
    done: int = 0
    failed: int = 0
    running: int = 0
    closed: bool = False
    cancelled: bool = False
    stuck: str = ""
    """Why no worker can go on with it, if so."""
    events: int = 0
    """Length of its history at that time."""


async def count_chunk(client: Client, batch: str, number: int, before: ChunkCount | None) -> ChunkCount | None:
    """How far a chunk is; None: the server has no such chunk. ``before`` is the last answer, which saves work."""
    if before is not None and before.closed:
        return before
    try:
        description = await client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=client.namespace, execution=WorkflowExecution(workflow_id=chunk_id(batch, number))
            ),
            retry=True,
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    memo = await _memo(client, description)
    if memo is None:
        return None  # a workflow of something else that has this id
    info = description.workflow_execution_info
    known: dict[str, Any] = {"size": memo.size, "total": memo.total, "events": info.history_length}
    if info.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
        cancelled = info.status in _ENDED_FROM_OUTSIDE
        failed = await _failed(client, batch, number, info.status)
        return ChunkCount(done=memo.size, failed=failed, closed=True, cancelled=cancelled, **known)
    running = sum(activity.state in _WITH_A_WORKER for activity in description.pending_activities)
    running += len(description.pending_children)
    stuck = await stuck_reason(client, description) if description.pending_workflow_task.attempt > 1 else ""
    if before is not None and before.events == info.history_length:
        done, failed = before.done, before.failed
    elif len(description.pending_activities) + len(description.pending_children) == memo.size:
        done, failed = 0, 0
    else:
        done, failed = await _ended_so_far(client, batch, number)
    return ChunkCount(done=done, failed=failed, running=running, stuck=stuck, **known)


_ENDED_FROM_OUTSIDE = (
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED,
)


async def _memo(client: Client, description: DescribeWorkflowExecutionResponse) -> ChunkMemo | None:
    field = description.workflow_execution_info.memo.fields.get(MEMO_CHUNK)
    if field is None:
        return None
    found: ChunkMemo = (await client.data_converter.decode([field], [ChunkMemo]))[0]
    return found


async def _ended_so_far(client: Client, batch: str, number: int) -> tuple[int, int]:
    follower = ChunkFollower(client, batch, number)
    if not await follower.open():
        return 0, 0
    found = await follower.read()
    follower.stop()
    return len(found), sum(not outcome.ok for outcome in found)


async def _failed(client: Client, batch: str, number: int, status: int) -> int:
    if status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=chunk_id(batch, number)),
            history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
        )
        page = await client.workflow_service.get_workflow_execution_history(request, retry=True)
        payloads = page.history.events[-1].workflow_execution_completed_event_attributes.result.payloads
        result: ChunkResult = (await client.data_converter.decode(payloads, [ChunkResult]))[0]
        return len(result.failed)
    follower = ChunkFollower(client, batch, number)
    await follower.open()
    return sum(not outcome.ok for outcome in await follower.read_all())
