"""What the server says of a job: its state, the attempts of its consumers and the real waits between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from ...client import JobHandle, JobState, JobStatus

POLL = 0.03


@dataclass
class Attempts:
    """When the attempts of one consumer started and ended."""

    activity_id: str
    consumer: str
    scheduled: datetime
    started: dict[int, datetime] = field(default_factory=dict)
    ended: dict[int, datetime] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many there were."""
        return max(self.started, default=0)

    @property
    def waits(self) -> list[float]:
        """Seconds between the end of one attempt and the start of the next, as far as they were seen.

        The server tells when the last attempt started; of the ones between it tells the end, so there the wait
        includes the attempt.
        """
        next_time = {**self.ended, **self.started}
        return [
            (next_time[number + 1] - end).total_seconds()
            for number, end in sorted(self.ended.items())
            if number + 1 in next_time
        ]


class JobWatch:
    """Looks at a running job until it is over. The history tells of the last attempt only, so the earlier ones are
    taken from what the server says of the pending consumer meanwhile."""

    def __init__(self, job: JobHandle[Any], on_failure: Callable[[int, str], None] | None = None) -> None:
        """Watch a job; ``on_failure`` is told of every attempt that failed and is followed by another."""
        self._job = job
        self._on_failure = on_failure or (lambda number, reason: None)
        self._seen: dict[str, Attempts] = {}

    async def until(self, wanted: Callable[[JobState], bool], seconds: float = 20.0) -> JobStatus:
        """Wait for a state.

        Raises:
            TimeoutError: it did not come in time; the error says which state there was.
        """
        found: list[JobStatus] = []

        async def look() -> bool:
            await self._look()
            found[:] = [await self._job.status()]
            return wanted(found[0].state)

        try:
            await poll(look, seconds)
        except TimeoutError:
            raise TimeoutError(f"{self._job.id} was still {found[0].state} after {seconds:g} s") from None
        return found[0]

    async def ended(self, seconds: float = 20.0) -> JobStatus:
        """Wait until the job is over."""
        return await self.until(lambda state: state.ended, seconds)

    async def attempts(self) -> list[Attempts]:
        """The attempts of every consumer that the job called, in the order of the calls."""
        calls: dict[int, Attempts] = {}
        for event in (await self._job.workflow.fetch_history()).events:
            _read(event, calls)
        for call in calls.values():
            earlier = self._seen.get(call.activity_id, call)
            call.started = {**earlier.started, **call.started}
            call.ended = {**earlier.ended, **call.ended}
        return list(calls.values())

    async def _look(self) -> None:
        description = await self._job.workflow.describe()
        for pending in description.raw_description.pending_activities:
            if not pending.HasField("next_attempt_schedule_time"):
                continue
            fresh = Attempts(pending.activity_id, pending.activity_type.name, _time(pending.scheduled_time))
            seen = self._seen.setdefault(pending.activity_id, fresh)
            before = pending.attempt - 1
            if before not in seen.ended:
                seen.ended[before] = _time(pending.last_attempt_complete_time)
                self._on_failure(before, pending.last_failure.message)


async def poll(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Ask again and again until the answer is yes.

    Raises:
        TimeoutError: it did not become yes in time.
    """
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  a server's answer is no event of the loop
            await asyncio.sleep(POLL)


def _read(event: HistoryEvent, calls: dict[int, Attempts]) -> None:
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        scheduled = event.activity_task_scheduled_event_attributes
        moment = _time(event.event_time)
        calls[event.event_id] = Attempts(scheduled.activity_id, scheduled.activity_type.name, moment)
    elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
        started = event.activity_task_started_event_attributes
        calls[started.scheduled_event_id].started[started.attempt] = _time(event.event_time)
    elif event.event_type in _CLOSING:
        closed = getattr(event, _CLOSING[event.event_type])
        call = calls[closed.scheduled_event_id]
        call.ended[call.count] = _time(event.event_time)


_CLOSING = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "activity_task_completed_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: "activity_task_failed_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: "activity_task_timed_out_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: "activity_task_canceled_event_attributes",
}


def _time(stamp: Any) -> datetime:
    moment: datetime = stamp.ToDatetime(tzinfo=UTC)
    return moment
