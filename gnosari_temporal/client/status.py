"""The state of a job, read from what the server knows of its workflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import EventType, PendingActivityState, WorkflowExecutionStatus
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import Client

from ..execution.approvals import OpenQuestion
from ..execution.failures import EXPIRED_TYPE
from ..execution.options import MEMO_OPTIONS, MEMO_RETRY, MEMO_WAITING, JobOptions, NextAttempt
from ..messages import shorten


class JobState(StrEnum):
    """Where a job stands."""

    SCHEDULED = "SCHEDULED"
    """Its start lies in the future."""
    QUEUED = "QUEUED"
    """Waits for a worker."""
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    """Waits for a person."""
    RETRYING = "RETRYING"
    """Failed and waits for its next attempt."""
    STUCK = "STUCK"
    """No worker can go on with it: see the reason."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    """Was not started in time and never runs."""
    NOT_FOUND = "NOT_FOUND"

    @property
    def ended(self) -> bool:
        """Whether the job is over."""
        return self in _ENDED


_ENDED = {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED, JobState.NOT_FOUND}


class JobStatus(BaseModel):
    """A job's state with what explains it."""

    model_config = ConfigDict(frozen=True)

    id: str
    state: JobState
    type: str = ""
    run_id: str = ""
    queue: str = ""
    priority: int | None = None
    summary: str = ""
    attempt: int | None = None
    """The attempt that runs or is next; the server's count, lost attempts included."""
    next_attempt_at: datetime | None = None
    reason: str = ""
    """Last failure, what it is stuck on, or the open question."""
    questions: tuple[OpenQuestion, ...] = ()
    worker: str = ""
    """Identity of the worker that has it now."""
    progress: Any = None
    created_at: datetime | None = None
    starts_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    parent: str = ""
    """The job that started it as a child."""


async def read_status(client: Client, description: DescribeWorkflowExecutionResponse) -> JobStatus:
    """The status of a described workflow; one more call to the server if it is stuck."""
    info = description.workflow_execution_info
    memo = await _memo(client, description)
    options: JobOptions | None = memo.get(MEMO_OPTIONS)
    questions: tuple[OpenQuestion, ...] = memo.get(MEMO_WAITING, ())
    known: dict[str, Any] = {
        "id": info.execution.workflow_id,
        "run_id": info.execution.run_id,
        "type": info.type.name,
        "queue": options.queue if options else info.task_queue,
        "priority": options.priority if options else (info.priority.priority_key or None),
        "summary": await _summary(client, description),
        "created_at": _time(info.start_time),
        "starts_at": _time(info.execution_time),
        "ended_at": _time(info.close_time),
        "expires_at": options.started(_time(info.start_time) or datetime.now(UTC)).expires if options else None,
        "parent": info.parent_execution.workflow_id,
    }
    closed = await _closed_state(client, description)
    if closed is not None:
        state, reason = closed
        return JobStatus(state=state, reason=reason, **known)
    retry: NextAttempt | None = memo.get(MEMO_RETRY)
    return JobStatus(**{**known, **await _open_state(client, description, known, questions, retry)})


async def _open_state(
    client: Client,
    description: DescribeWorkflowExecutionResponse,
    known: dict[str, Any],
    questions: tuple[OpenQuestion, ...],
    retry: NextAttempt | None,
) -> dict[str, Any]:
    now = datetime.now(UTC)
    expired = known["expires_at"] is not None and known["expires_at"] < now
    activities = sorted(description.pending_activities, key=lambda a: _RANK.get(a.state, 9))
    if known["starts_at"] and known["starts_at"] > now + timedelta(milliseconds=5) and not activities:
        return {"state": JobState.SCHEDULED}
    task = description.pending_workflow_task
    if task.attempt > 1:
        return {
            "state": JobState.STUCK,
            "attempt": task.attempt,
            "reason": await stuck_reason(client, description),
        }
    if questions:
        return {
            "state": JobState.WAITING,
            "questions": questions,
            "reason": "; ".join(q.question for q in questions),
        }
    if not activities and retry is not None and retry.at > now:
        waits = {"attempt": retry.attempt, "next_attempt_at": retry.at, "reason": retry.reason}
        return {"state": JobState.RETRYING, **waits}
    if not activities:
        children = bool(description.pending_children)
        waits_first = description.HasField("pending_workflow_task") and not children
        state = JobState.QUEUED if waits_first else JobState.RUNNING
        return {"state": JobState.EXPIRED if expired and waits_first else state}
    found = await pending_state(client, activities[0], expired=expired)
    if retry is not None:
        found["attempt"] += retry.attempt - 1
    return found


async def pending_state(client: Client, pending: PendingActivityInfo, *, expired: bool = False) -> dict[str, Any]:
    """What a pending activity says of the state of its job: fields of ``JobStatus``."""
    failed = shorten(_failure_text(pending.last_failure), 300) if pending.HasField("last_failure") else ""
    details = (
        await client.data_converter.decode(pending.heartbeat_details.payloads)
        if pending.HasField("heartbeat_details")
        else []
    )
    progress = details[0].get("progress") if details and isinstance(details[0], dict) else None
    found: dict[str, Any] = {
        "attempt": pending.attempt,
        "reason": failed,
        "progress": progress,
        "worker": pending.last_worker_identity,
    }
    if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED:
        by = pending.pause_info.manual
        who = f" by {by.identity}" if by.identity else ""
        why = f": {by.reason}" if by.reason else ""
        remedy = "go on with `temporal activity unpause` or in the Web UI"
        return {**found, "state": JobState.STUCK, "reason": f"its consumer was paused{who}{why}; {remedy}"}
    if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
        if pending.attempt > 1:
            return {**found, "state": JobState.RETRYING, "next_attempt_at": _time(pending.scheduled_time)}
        return {**found, "state": JobState.EXPIRED if expired else JobState.QUEUED}
    return {**found, "state": JobState.RUNNING}


_RANK = {
    PendingActivityState.PENDING_ACTIVITY_STATE_STARTED: 0,
    PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED: 1,
    PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED: 2,
}


async def _closed_state(client: Client, description: DescribeWorkflowExecutionResponse) -> tuple[JobState, str] | None:
    info = description.workflow_execution_info
    status = info.status
    if status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED:
        return JobState.SUCCEEDED, ""
    if status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED:
        return JobState.CANCELLED, "cancelled"
    if status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED:
        return JobState.CANCELLED, "terminated"
    if status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
        return JobState.FAILED, "the workflow timed out"
    if status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED:
        failure = await _close_failure(client, description)
        root = _root(failure)
        if root.application_failure_info.type == EXPIRED_TYPE:
            return JobState.EXPIRED, root.message
        return JobState.FAILED, shorten(_failure_text(failure), 500)
    return None


async def _close_failure(client: Client, description: DescribeWorkflowExecutionResponse) -> Failure:
    for event in await _last_events(client, description, 1):
        if event.HasField("workflow_execution_failed_event_attributes"):
            failure: Failure = event.workflow_execution_failed_event_attributes.failure
            return failure
    return Failure()


async def stuck_reason(client: Client, description: DescribeWorkflowExecutionResponse) -> str:
    """Why the workflow task of a described workflow fails again and again."""
    for event in await _last_events(client, description, 10):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return shorten(_failure_text(event.workflow_task_failed_event_attributes.failure), 500)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
            return "a worker took it and did not answer in time"
    return "its workflow task keeps failing"


async def _last_events(client: Client, description: DescribeWorkflowExecutionResponse, count: int) -> Any:
    found = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=description.workflow_execution_info.execution,
            maximum_page_size=count,
        )
    )
    return found.history.events


def _root(failure: Failure) -> Failure:
    while failure.HasField("cause") and not failure.HasField("application_failure_info"):
        failure = failure.cause
    return failure


def _failure_text(failure: Failure) -> str:
    root = _root(failure)
    kind = root.application_failure_info.type
    return f"{kind}: {root.message}" if kind else root.message


async def _memo(client: Client, description: DescribeWorkflowExecutionResponse) -> dict[str, Any]:
    fields = description.workflow_execution_info.memo.fields
    found: dict[str, Any] = {}
    if MEMO_OPTIONS in fields:
        found[MEMO_OPTIONS] = (await client.data_converter.decode([fields[MEMO_OPTIONS]], [JobOptions]))[0]
    if MEMO_WAITING in fields:
        hint: Any = tuple[OpenQuestion, ...]
        found[MEMO_WAITING] = (await client.data_converter.decode([fields[MEMO_WAITING]], [hint]))[0] or ()
    if MEMO_RETRY in fields:
        found[MEMO_RETRY] = (await client.data_converter.decode([fields[MEMO_RETRY]], [NextAttempt]))[0]
    return found


async def _summary(client: Client, description: DescribeWorkflowExecutionResponse) -> str:
    metadata = description.execution_config.user_metadata
    if not metadata.HasField("summary"):
        return ""
    return str((await client.data_converter.decode([metadata.summary]))[0])


def _time(stamp: Any) -> datetime | None:
    return stamp.ToDatetime(tzinfo=UTC) if stamp.seconds or stamp.nanos else None
