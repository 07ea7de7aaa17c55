"""Lists of jobs, by the server's visibility store."""

from __future__ import annotations

from collections.abc import AsyncIterator

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from ..errors import GnosariError, SettingsError
from ..execution.options import MEMO_OPTIONS, JobOptions
from ..routing import EXPIRED, STATE, SUMMARY, WAITING
from .connection import has_no_answer, unreachable
from .status import JobState, JobStatus

_SUMMARY = SearchAttributeKey.for_keyword(SUMMARY)

_STATUS = {
    WorkflowExecutionStatus.RUNNING: JobState.RUNNING,
    WorkflowExecutionStatus.COMPLETED: JobState.SUCCEEDED,
    WorkflowExecutionStatus.FAILED: JobState.FAILED,
    WorkflowExecutionStatus.CANCELED: JobState.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: JobState.CANCELLED,
    WorkflowExecutionStatus.TIMED_OUT: JobState.FAILED,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: JobState.RUNNING,
}

_QUERIES = {
    JobState.SUCCEEDED: 'ExecutionStatus = "Completed"',
    JobState.CANCELLED: 'ExecutionStatus IN ("Canceled", "Terminated")',
    JobState.FAILED: 'ExecutionStatus IN ("Failed", "TimedOut")',
    JobState.EXPIRED: 'ExecutionStatus = "Failed"',
    JobState.WAITING: 'ExecutionStatus = "Running"',
}

_LOOKED_AT = {JobState.QUEUED, JobState.RUNNING, JobState.RETRYING, JobState.STUCK, JobState.SCHEDULED}


def quoted(text: str) -> str:
    """A text as a literal of a visibility query."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def job_query(state: JobState | None, type: str | None, *, searchable: bool) -> str:
    """The visibility query for jobs of a state and type."""
    parts = ['ExecutionStatus != "ContinuedAsNew"']
    if type:
        parts.append(f"WorkflowType = {quoted(type)}")
    if state in _LOOKED_AT:
        parts.append('ExecutionStatus = "Running"')
    elif state is not None:
        parts.append(_QUERIES[state])
    if searchable and state in (JobState.WAITING, JobState.EXPIRED):
        parts.append(f'{STATE} = "{WAITING if state is JobState.WAITING else EXPIRED}"')
    return " AND ".join(parts)


async def list_jobs(
    client: Client,
    *,
    state: JobState | str | None,
    type: str | None,
    limit: int | None,
    searchable: bool,
) -> AsyncIterator[JobStatus]:
    """Jobs on the server, newest first.

    The visibility store knows ended states and WAITING; running jobs are looked at one by one, so that QUEUED,
    RETRYING and STUCK are told apart.

    Raises:
        SettingsError: the state is none that can be listed.
        ServerUnreachable: nobody answers.
        GnosariError: the server refuses the list.
    """
    wanted = _parse_state(state)
    found = 0
    query = job_query(wanted, type, searchable=searchable)
    try:
        async for execution in client.list_workflows(query):
            status = await _status(client, execution)
            if wanted is not None and status.state is not wanted:
                continue
            yield status
            found += 1
            if limit is not None and found >= limit:
                return
    except RPCError as error:
        if has_no_answer(error):
            raise unreachable(client.service_client.config.target_host, error) from error
        raise GnosariError(f"the server refuses to list jobs: {error.message}") from error


def _parse_state(state: JobState | str | None) -> JobState | None:
    if state is None or isinstance(state, JobState):
        return state
    try:
        return JobState(state.upper())
    except ValueError:
        known = ", ".join(s.value.lower() for s in JobState if s is not JobState.NOT_FOUND)
        raise SettingsError(f"status {state!r} is not one of {known}") from None


async def _status(client: Client, execution: WorkflowExecution) -> JobStatus:
    from .handle import JobHandle

    state = _STATUS.get(execution.status) if execution.status is not None else None
    if state is JobState.RUNNING or execution.status is WorkflowExecutionStatus.FAILED:
        return await JobHandle(client, execution.id, run_id=execution.run_id).status()
    options = await execution.memo_value(MEMO_OPTIONS, None, type_hint=JobOptions)
    return JobStatus(
        id=execution.id,
        run_id=execution.run_id,
        type=execution.workflow_type,
        state=state or JobState.NOT_FOUND,
        queue=options.queue if options else execution.task_queue,
        priority=options.priority if options else None,
        summary=execution.typed_search_attributes.get(_SUMMARY) or "",
        created_at=execution.start_time,
        starts_at=execution.execution_time,
        ended_at=execution.close_time,
        expires_at=options.started(execution.start_time).expires if options else None,
        parent=execution.parent_id or "",
    )
