"""Reading a call: its state and outcome, as the server knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from ..client import GnosariClient, JobState, JobStatus
from ..client.handle import explain_rpc_error
from ..client.status import read_status
from ..execution.failures import to_job_error
from ..execution.options import MEMO_RETRY, NextAttempt
from . import states
from .exceptions import TaskRevokedError
from .failures import REVOKED_TYPE, exception_of, rebuild
from .values import decode
from .wire import (
    CALL_PREFIX,
    FORGET_SIGNAL,
    GROUP_WORKFLOW,
    MEMO_CALL,
    REVOKE_SIGNAL,
    CallRecord,
    Failed,
    GroupRun,
    message_type_for,
)

_FIRST_TASK = 4
"""Events of a workflow that no worker has looked at yet, at most."""
_NEVER = timedelta(days=1)
_RECENT = 10
_LOOKS = 20
_LOOK_AGAIN = 0.01


@dataclass(frozen=True)
class Snapshot:
    """A call at one moment."""

    state: str
    job: str = ""
    """Its workflow id, where the server has it."""
    value: Any = None
    """The result; the exception of a call that failed or is to be tried again; the meta of a state of its own."""
    trace: str | None = None
    children: tuple[str, ...] = ()
    ended_at: datetime | None = None
    task: str | None = None
    status: JobStatus | None = field(default=None, repr=False)

    @property
    def is_exception(self) -> bool:
        """Whether the value is an exception."""
        return self.state in states.EXCEPTION_STATES


UNKNOWN = Snapshot(states.UNKNOWN)


async def read_call(client: GnosariClient, jobs: Sequence[str], expires_after: timedelta | None) -> Snapshot:
    """The first of these workflows that the server has; one that ended longer ago than ``expires_after`` is unknown."""
    for job in jobs:
        described = await _settled(client, job)
        if described is not None:
            found = await _snapshot(client, job, described)
            if expires_after is not None and found.ended_at and found.ended_at + expires_after < datetime.now(UTC):
                return UNKNOWN
            return found
    return UNKNOWN


async def _settled(client: GnosariClient, job: str) -> DescribeWorkflowExecutionResponse | None:
    """The workflow, where it is not between two steps: an attempt has ended, and its worker is about to say what
    follows. The state would jump back and forth for some milliseconds."""
    described = await describe(client, job)
    for _ in range(_LOOKS):
        if described is None or not _between(described):
            break
        await asyncio.sleep(_LOOK_AGAIN)
        described = await describe(client, job)
    return described


def _between(described: DescribeWorkflowExecutionResponse) -> bool:
    return (
        described.HasField("pending_workflow_task")
        and not described.pending_activities
        and not described.pending_children
        and described.workflow_execution_info.history_length > _FIRST_TASK
    )


async def describe(client: GnosariClient, job: str) -> DescribeWorkflowExecutionResponse | None:
    """The workflow, or None if the server has none of this id."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.temporal.namespace, execution=WorkflowExecution(workflow_id=job)
    )
    try:
        return await client.temporal.workflow_service.describe_workflow_execution(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise explain_rpc_error(client.temporal, job, error, "task") from error


async def _snapshot(client: GnosariClient, job: str, described: DescribeWorkflowExecutionResponse) -> Snapshot:
    record = await _memo(client, described, MEMO_CALL, CallRecord) or CallRecord()
    if record.forgotten:
        return UNKNOWN
    status = await read_status(client.temporal, described)
    known: dict[str, Any] = {
        "job": job,
        "task": status.type,
        "children": tuple(record.children),
        "status": status,
        "ended_at": status.ended_at,
    }
    if status.ended_at is not None:
        if record.state is not None:
            return Snapshot(record.state, value=decode(record.meta), **known)
        return await _ended(client, job, described, known)
    waits = status.state is JobState.QUEUED and (status.attempt or 1) > 1
    if (waits or status.state is JobState.RETRYING) and (
        retry := await _memo(client, described, MEMO_RETRY, NextAttempt)
    ):
        exception = retry.details.get("exception")
        return Snapshot(states.RETRY, value=rebuild(exception) if exception else None, **known)
    if status.state is JobState.RUNNING and isinstance(status.progress, dict) and status.progress.get("state"):
        return Snapshot(str(status.progress["state"]), value=decode(status.progress.get("meta")), **known)
    state = _open_state(described, status)
    if state == states.PENDING and _between(described) and await _was_attempted(client, described):
        state = states.STARTED
    return Snapshot(state, **known)


def _open_state(described: DescribeWorkflowExecutionResponse, status: JobStatus) -> str:
    if status.state is JobState.RETRYING:
        return states.RETRY
    if status.state is JobState.EXPIRED:
        return states.REVOKED
    if status.state is JobState.RUNNING and described.pending_activities:
        return states.STARTED
    return states.PENDING


async def _ended(
    client: GnosariClient, job: str, described: DescribeWorkflowExecutionResponse, known: dict[str, Any]
) -> Snapshot:
    event = await _last_event(client, described)
    if event is not None and event.HasField("workflow_execution_completed_event_attributes"):
        payloads = event.workflow_execution_completed_event_attributes.result.payloads
        values = await client.temporal.data_converter.decode(payloads) if payloads else [None]
        return Snapshot(states.SUCCESS, value=decode(values[0]), **known)
    if event is not None and event.HasField("workflow_execution_terminated_event_attributes"):
        reason = event.workflow_execution_terminated_event_attributes.reason
        return Snapshot(states.REVOKED, value=TaskRevokedError(reason or "terminated"), **known)
    failure: BaseException | None = None
    if event is not None and event.HasField("workflow_execution_failed_event_attributes"):
        failure = await client.temporal.data_converter.decode_failure(
            event.workflow_execution_failed_event_attributes.failure
        )
    elif known["status"].state is JobState.CANCELLED:
        return Snapshot(states.REVOKED, value=TaskRevokedError("revoked"), **known)
    exception, trace = exception_of(to_job_error(failure, job))
    state = states.REVOKED if isinstance(exception, TaskRevokedError) else states.FAILURE
    return Snapshot(state, value=exception, trace=trace, **known)


async def _last_event(client: GnosariClient, described: DescribeWorkflowExecutionResponse) -> HistoryEvent | None:
    events = await _last_events(client, described, 1)
    return events[0] if events else None


async def _was_attempted(client: GnosariClient, described: DescribeWorkflowExecutionResponse) -> bool:
    """Whether what the workflow waits to be told of is the end of an attempt, not of what runs before the call."""
    events = await _last_events(client, described, _RECENT)
    return any(event.HasField("activity_task_started_event_attributes") for event in events)


async def _last_events(
    client: GnosariClient, described: DescribeWorkflowExecutionResponse, count: int
) -> Sequence[HistoryEvent]:
    found = await client.temporal.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.temporal.namespace,
            execution=described.workflow_execution_info.execution,
            maximum_page_size=count,
        )
    )
    return found.history.events


async def _memo(client: GnosariClient, described: DescribeWorkflowExecutionResponse, key: str, kind: Any) -> Any:
    fields = described.workflow_execution_info.memo.fields
    if key not in fields:
        return None
    return (await client.temporal.data_converter.decode([fields[key]], [kind]))[0]


async def revoke(client: GnosariClient, jobs: Sequence[str], *, terminate: bool) -> None:
    """End a call that waits, and with ``terminate`` one that runs; one that runs otherwise is not tried again.

    A call that the server does not have, or that has ended, stays as it is.
    """
    for job in jobs:
        described = await describe(client, job)
        if described is None:
            continue
        status = await read_status(client.temporal, described)
        if status.ended_at is not None:
            return
        handle = client.temporal.get_workflow_handle(job, run_id=status.run_id)
        runs = bool(described.pending_activities) and status.state is JobState.RUNNING
        try:
            if runs and not terminate:
                await handle.signal(REVOKE_SIGNAL)
            else:
                await handle.terminate(reason="terminated" if runs else "revoked")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise explain_rpc_error(client.temporal, job, error, "task") from error
        return


async def forget(client: GnosariClient, jobs: Sequence[str]) -> None:
    """Have the server answer an id as unknown.

    A call that has not ended notes it. One that has ended cannot: a second run under its id, which is ended before it
    starts, hides the first from who asks by the id; the server keeps both for its retention.
    """
    for job in jobs:
        described = await describe(client, job)
        if described is None:
            continue
        info = described.workflow_execution_info
        try:
            if not info.HasField("close_time"):
                handle = client.temporal.get_workflow_handle(job, run_id=info.execution.run_id)
                await handle.signal(FORGET_SIGNAL)
            elif info.type.name != GROUP_WORKFLOW and job.startswith(CALL_PREFIX):
                await _hide(client, job, info.type.name, info.task_queue)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise explain_rpc_error(client.temporal, job, error, "task") from error
        return


async def _hide(client: GnosariClient, job: str, type: str, task_queue: str) -> None:
    message = message_type_for(type)(
        message_id=job.removeprefix(CALL_PREFIX), upstream=Failed(type=REVOKED_TYPE, message="forgotten")
    )
    handle = await client.temporal.start_workflow(
        type,
        message,
        id=job,
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_delay=_NEVER,
        memo={MEMO_CALL: CallRecord(forgotten=True)},
        static_summary="forgotten",
    )
    await client.temporal.get_workflow_handle(job, run_id=handle.first_execution_run_id).terminate(reason="forgotten")


async def members_of_group(client: GnosariClient, job: str) -> GroupRun | None:
    """What a group was started with; None: the server has no such group."""
    request = GetWorkflowExecutionHistoryRequest(
        namespace=client.temporal.namespace,
        execution=WorkflowExecution(workflow_id=job),
        maximum_page_size=1,
        skip_archival=True,
    )
    try:
        page = await client.temporal.workflow_service.get_workflow_execution_history(request, retry=True)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise explain_rpc_error(client.temporal, job, error, "group") from error
    given = page.history.events[0].workflow_execution_started_event_attributes.input.payloads
    found: GroupRun = (await client.temporal.data_converter.decode(given, [GroupRun]))[0]
    return found
