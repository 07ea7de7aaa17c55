"""The outcome: what became of one message of a batch or canvas, read from the history of the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, TimeoutError, TimeoutType

from ..errors import JobError, JobExpired
from ..execution.calls import has_later_attempts, main_activity_id, wait_after_first
from ..execution.failures import to_job_error
from ..execution.light import LightAnswer, is_group
from ..execution.members import Member, member_job_id
from ..execution.options import JobOptions
from .polling import next_page

_LOCAL_ACTIVITY = "core_local_activity"


@dataclass(frozen=True)
class Outcome:
    """What became of one message: a result, or the error that its job ended with."""

    index: int
    """Its place in the batch; 0 is the first."""
    job_id: str
    """The id of its job: ``<batch id>#<message id>``, or that of its own workflow."""
    value: Any = None
    """The result, if it succeeded."""
    error: JobError | None = None

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None

    def result(self) -> Any:
        """The result.

        Raises:
            JobFailed, JobLost, JobCancelled, JobExpired: what became of it instead.
        """
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(frozen=True, slots=True)
class Place:
    """A member of the whole, as its history is read."""

    index: int
    job_id: str
    """Id of the job if it is an activity."""
    child_id: str
    """Id of the job if it is a child workflow."""
    expires: bool
    """Whether its first attempt is an activity of its own."""

    @classmethod
    def of(cls, index: int, whole: str, member: Member, options: JobOptions, *, light: bool = False) -> Place:
        """The place of a member of a batch or canvas of this id."""
        return cls(
            index=index,
            job_id=member_job_id(whole, member.message_id),
            child_id=member.job_id,
            expires=options.expires is not None and not light,
        )


class OutcomeReader:
    """Follows the history of one run of a workflow with members, and tells their outcomes as they come."""

    def __init__(self, client: Client, workflow_id: str, run_id: str = "") -> None:
        self._client = client
        self._request = GetWorkflowExecutionHistoryRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=1000,
            wait_new_event=True,
            skip_archival=True,
        )
        self.closed = False
        """Whether the run is over and read to its end."""
        self.places: dict[str, Place] = {}
        """Members by activity id whose outcome is not known yet; set by who knows the input."""
        self.elsewhere: list[Place] = []
        """Members whose job existed before as a workflow of its own: their outcome is that job's."""
        self._by_event: dict[int, str] = {}
        self._by_child: dict[str, str] = {}
        self._group_failure: BaseException | None = None

    def expect(self, places: Mapping[str, Place]) -> None:
        """Say which members there are, by activity id."""
        self.places = dict(places)
        self._by_child = {place.child_id: key for key, place in places.items()}

    async def events(self) -> list[HistoryEvent]:
        """The next events, those that are there first; then it waits for more, and gives none after 20 s.

        Raises:
            temporalio.service.RPCError: there is no such workflow, or the server does not answer.
        """
        page = await next_page(self._client, self._request)
        self._request.next_page_token = page.next_page_token
        self.closed = not page.next_page_token
        return list(page.history.events)

    async def outcomes(self, events: Sequence[HistoryEvent]) -> list[Outcome]:
        """What became known by these events."""
        ends = [end for event in events for end in self._take(event)]
        values = await self._client.data_converter.decode([end.result for end in ends if end.result is not None])
        remaining = iter(values)
        known: list[Outcome] = []
        for end in ends:
            value = next(remaining) if end.result is not None else None
            if is_group(end.key):
                known += await self._of_group(end, value)
                continue
            place = self.places.get(end.key)
            if place is None:
                continue
            id = place.child_id if end.child else place.job_id
            error = await self._error(end, place, id) if end.failure is not None else None
            if end.failure is not None and error is None:
                continue
            known.append(Outcome(place.index, id, value, error))
            del self.places[end.key]
        if events and events[-1].event_type in _CLOSING:
            known += await self._left_over(events[-1])
        return known

    def _take(self, event: HistoryEvent) -> Iterator[_End]:
        """How an activity or child ended, if this event is its end."""
        kind = event.WhichOneof("attributes")
        details: Any = getattr(event, kind) if kind else None
        if kind == "activity_task_scheduled_event_attributes":
            self._by_event[event.event_id] = details.activity_id
        elif kind == "start_child_workflow_execution_initiated_event_attributes":
            self._by_event[event.event_id] = self._by_child.get(details.workflow_id, "")
        elif kind == "start_child_workflow_execution_failed_event_attributes":
            place = self.places.pop(self._by_event.pop(details.initiated_event_id, ""), None)
            if place is not None:
                self.elsewhere.append(place)
        elif kind == "marker_recorded_event_attributes" and details.marker_name == _LOCAL_ACTIVITY:
            yield _local_end(details)
        elif kind in _ACTIVITY_ENDS:
            activity_id = self._by_event.pop(details.scheduled_event_id, "")
            yield _end(main_activity_id(activity_id), details, later=has_later_attempts(activity_id))
        elif kind in _CHILD_ENDS:
            yield _end(self._by_event.pop(details.initiated_event_id, ""), details, child=True)

    async def _of_group(self, end: _End, answers: Any) -> list[Outcome]:
        """The outcomes of messages whose first attempts shared a local activity."""
        if end.failure is not None:
            failure = end.failure
            decode = self._client.data_converter.decode_failure
            self._group_failure = failure if isinstance(failure, BaseException) else await decode(failure)
            return []
        known = []
        for data in answers:
            answer = LightAnswer.model_validate(data)
            place = self.places.get(answer.key)
            if place is None or answer.retry_after is not None:
                continue
            error: JobError | None = None
            if answer.failure is not None:
                failed = answer.failure
                error = to_job_error(ApplicationError(failed.message, failed.details, type=failed.type), place.job_id)
            known.append(Outcome(place.index, place.job_id, answer.result, error))
            del self.places[answer.key]
        return known

    async def _error(self, end: _End, place: Place, job_id: str) -> JobError | None:
        """The error that an end means; None: another attempt follows."""
        assert end.failure is not None
        cause: BaseException = (
            end.failure
            if isinstance(end.failure, BaseException)
            else await self._client.data_converter.decode_failure(end.failure)
        )
        if place.expires and not end.child and not end.later:
            if isinstance(cause, TimeoutError) and cause.type is TimeoutType.SCHEDULE_TO_START:
                return _expired(job_id)
            if wait_after_first(cause) is not None:
                return None
        return to_job_error(cause, job_id)

    async def _left_over(self, last: HistoryEvent) -> list[Outcome]:
        """Members without an end when the whole is over: they were never begun, or went down with it."""
        left, self.places = self.places, {}
        kind = last.event_type
        cause: BaseException | None = None
        expired: list[int] = []
        if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            done = last.workflow_execution_completed_event_attributes.result.payloads
            result = (await self._client.data_converter.decode(done))[0] if done else None
            expired = result.get("expired", []) if isinstance(result, dict) else []
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            failure = last.workflow_execution_failed_event_attributes.failure
            cause = await self._client.data_converter.decode_failure(failure)
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
            cause = TerminatedError(last.workflow_execution_terminated_event_attributes.reason)
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
            cause = TimeoutError("the workflow timed out", type=None, last_heartbeat_details=[])
        found = []
        for place in left.values():
            if place.index in expired:
                error: JobError = _expired(place.job_id)
            else:
                error = to_job_error(cause or self._group_failure or CancelledError(), place.job_id)
            found.append(Outcome(place.index, place.job_id, error=error))
        return found


class _End(NamedTuple):
    """The end of one activity or child workflow."""

    key: str
    result: Payload | None
    failure: Failure | BaseException | None
    child: bool
    later: bool


def _end(key: str, details: Any, *, child: bool = False, later: bool = False) -> _End:
    kind = type(details).__name__
    failure: Failure | BaseException | None = None
    result: Payload | None = None
    if "Completed" in kind:
        result = details.result.payloads[0] if details.result.payloads else None
    elif "Canceled" in kind:
        failure = CancelledError()
    elif "Terminated" in kind:
        failure = TerminatedError("")
    elif child and "TimedOut" in kind:
        failure = TimeoutError("the workflow timed out", type=None, last_heartbeat_details=[])
    else:
        failure = details.failure
    return _End(key, result, failure, child, later)


def _local_end(details: Any) -> _End:
    """The end of a local activity, from the marker that the SDK's core writes for it."""
    key = str(json.loads(details.details["data"].payloads[0].data)["activity_id"])
    if details.HasField("failure"):
        failure = details.failure
        while failure.HasField("activity_failure_info") and failure.HasField("cause"):
            failure = failure.cause
        cancelled = failure.HasField("canceled_failure_info")
        return _End(key, None, CancelledError() if cancelled else failure, child=False, later=False)
    result = details.details["result"].payloads if "result" in details.details else ()
    return _End(key, result[0] if result else None, None, child=False, later=False)


def _expired(job_id: str) -> JobExpired:
    return JobExpired(f"job {job_id} was not started before its expiry", job_id=job_id)


_ACTIVITY_ENDS = frozenset(
    f"activity_task_{end}_event_attributes" for end in ("completed", "failed", "timed_out", "canceled")
)
_CHILD_ENDS = frozenset(
    f"child_workflow_execution_{end}_event_attributes"
    for end in ("completed", "failed", "timed_out", "canceled", "terminated")
)
_CLOSING = frozenset(
    (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    )
)
