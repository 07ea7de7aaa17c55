"""Schedules: messages that the server sends again and again, by cron or interval."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from ..errors import InvalidSchedule, ScheduleError, ScheduleExists, ScheduleNotFound
from ..execution.limits import check_message
from ..execution.options import MEMO_OPTIONS, JobOptions, SendOptions, options_from, resolve_options
from ..execution.search import job_search
from ..messages import BaseMessage
from ..routing import job_id, temporal_priority
from .connection import has_no_answer, unreachable
from .preparing import snapshot
from .timing import Timing, timing_from

if TYPE_CHECKING:
    from .client import GnosariClient

MEMO_SCHEDULE = "gnosari_schedule"
_LONGEST_ID = 200


class ScheduledJob(BaseModel):
    """A job that a schedule started."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    scheduled_at: datetime
    """When it was due."""
    started_at: datetime


class ScheduleStatus(BaseModel):
    """A schedule and what it did."""

    model_config = ConfigDict(frozen=True)

    id: str
    type: str
    """The message type."""
    message: Any
    """What is sent, as plain data."""
    timing: Timing | None
    """When it fires; None for a schedule that was not made by this package."""
    paused: bool
    note: str = ""
    queue: str = ""
    priority: int | None = None
    next: tuple[datetime, ...] = ()
    """The next firings; none while it is paused."""
    recent: tuple[ScheduledJob, ...] = ()
    """Its last jobs, the newest last."""
    running: tuple[str, ...] = ()
    """Ids of its jobs that run now."""
    fired: int = 0
    """How many jobs it has started."""
    missed: int = 0
    """Firings that were too late to make up for (see ``catch_up``)."""
    skipped: int = 0
    """Firings that were left out, since the last job still ran (see ``overlap``)."""


class Schedules:
    """The schedules of a server: ``client.schedules``."""

    def __init__(self, client: GnosariClient) -> None:
        self._client = client

    async def create(
        self,
        id: str,
        message: BaseMessage,
        options: SendOptions | None = None,
        *,
        timing: Timing | None = None,
        paused: bool = False,
        note: str = "",
        **given: Any,
    ) -> None:
        """Make a schedule that sends the message again and again.

        Every firing is a job of its own, ``<type>/<schedule id>-<time>``; its message has that id and the time of
        the firing as ``created_at``.

        Args:
            id: Name of the schedule.
            message: What to send; its own id and time are not used.
            options: Overrides of the send as one object; or give its fields as keywords (``priority``, ``queue``,
                ``retry``, ``expires`` as a length of time, ``timeout``, ``fairness_key``, ``fairness_weight``).
            timing: When, as one object; or give its fields as keywords (``cron``, ``every``, ``offset``,
                ``time_zone``, ``overlap``, ``catch_up``, ``jitter``, ``start_at``, ``end_at``).
            paused: Make it paused.
            note: Words for people.
            given: The keywords.

        Raises:
            InvalidSchedule: the timing cannot be.
            InvalidMessage, MessageTooLarge: the message or an option is refused.
            ScheduleExists: another schedule has the id.
            ServerUnreachable: nobody answers.
        """
        _check_id(id)
        when, how = _split(timing, given)
        action = self._action(id, message, options_from(options, how), when)
        schedule = Schedule(action, when.spec(), policy=when.policy(), state=ScheduleState(note=note, paused=paused))
        try:
            async with self._explained(id, when):
                await self._client.temporal.create_schedule(id, schedule)
        except ScheduleAlreadyRunningError:
            raise ScheduleExists(
                f"there is a schedule {id!r} already: update it, or delete it first", schedule_id=id
            ) from None

    async def update(
        self,
        id: str,
        message: BaseMessage | None = None,
        options: SendOptions | None = None,
        *,
        timing: Timing | None = None,
        paused: bool | None = None,
        note: str | None = None,
        **given: Any,
    ) -> None:
        """Change a schedule; what is not given stays. Arguments are those of ``create``.

        A new message brings new options: those of the old one are forgotten.

        Raises:
            InvalidSchedule, InvalidMessage, MessageTooLarge: as for ``create``.
            ScheduleNotFound: the server has no such schedule.
            ServerUnreachable: nobody answers.
        """
        async with self._explained(id):
            handle = self._client.temporal.get_schedule_handle(id)
            before = await handle.describe()
        old = before.schedule
        if not isinstance(old.action, ScheduleActionStartWorkflow):
            raise ScheduleError(f"schedule {id!r} does not start a workflow", schedule_id=id)
        known = await self._memo(old.action, MEMO_SCHEDULE, Timing)
        when, how = _split(timing, given, known)
        if message is not None:
            action = self._action(id, message, options_from(options, how), when)
        elif options is not None or how:
            raise InvalidSchedule("options belong to a message: give the message too", schedule_id=id)
        else:
            action = old.action
            action.memo = {**(action.memo or {}), MEMO_SCHEDULE: when}
        state = old.state
        state.note = state.note if note is None else note
        state.paused = state.paused if paused is None else paused

        def changed(_: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(Schedule(action, when.spec(), policy=when.policy(), state=state))

        async with self._explained(id, when):
            await handle.update(changed)

    async def status(self, id: str) -> ScheduleStatus:
        """A schedule and what it did.

        Raises:
            ScheduleNotFound: the server has no such schedule.
        """
        async with self._explained(id):
            return await self._status(await self._handle(id).describe())

    async def list(self) -> AsyncIterator[ScheduleStatus]:
        """All schedules of the namespace; one that was just made may be missing for a moment."""
        async with self._explained(""):
            async for found in await self._client.temporal.list_schedules():
                try:
                    description = await self._handle(found.id).describe()
                except RPCError as error:
                    if error.status is RPCStatusCode.NOT_FOUND:
                        continue  # deleted in the meantime
                    raise
                yield await self._status(description)

    async def pause(self, id: str, *, note: str = "") -> None:
        """Stop firing until ``unpause``. A job that runs goes on.

        Raises:
            ScheduleNotFound: the server has no such schedule.
        """
        async with self._explained(id):
            await self._handle(id).pause(note=note or None)

    async def unpause(self, id: str, *, note: str = "") -> None:
        """Fire again. What was missed in the pause is not made up for.

        Raises:
            ScheduleNotFound: the server has no such schedule.
        """
        async with self._explained(id):
            await self._handle(id).unpause(note=note or None)

    async def trigger(self, id: str) -> None:
        """Fire now, also while it is paused; the overlap policy holds.

        Raises:
            ScheduleNotFound: the server has no such schedule.
        """
        async with self._explained(id):
            await self._handle(id).trigger()

    async def delete(self, id: str) -> None:
        """Forget a schedule. A job that runs goes on.

        Raises:
            ScheduleNotFound: the server has no such schedule.
        """
        async with self._explained(id):
            await self._handle(id).delete()

    def _handle(self, id: str) -> ScheduleHandle:
        return self._client.temporal.get_schedule_handle(id)

    def _action(self, id: str, message: BaseMessage, options: SendOptions, when: Timing) -> ScheduleActionStartWorkflow:
        client = self._client
        sent = snapshot(message, id)
        check_message(sent)
        resolved = self._resolve(sent, options)
        name = type(sent).__name__
        return ScheduleActionStartWorkflow(
            name,
            sent,
            id=job_id(name, id),
            task_queue=resolved.queue,
            memo={MEMO_OPTIONS: resolved, MEMO_SCHEDULE: when},
            typed_search_attributes=job_search(
                searchable=client.searchable,
                queue=resolved.queue,
                summary=sent.job_summary(),
                more=sent.job_attributes(),
            ),
            static_summary=sent.job_summary(),
            priority=temporal_priority(
                client.routing.priority_key(resolved.priority), resolved.fairness_key, resolved.fairness_weight
            ),
        )

    def _resolve(self, message: BaseMessage, options: SendOptions) -> JobOptions:
        if options.delay is not None or options.at is not None:
            raise InvalidSchedule("a schedule says itself when its message is sent: leave delay and at out")
        if isinstance(options.expires, datetime):
            raise InvalidSchedule(
                f"expires {options.expires.isoformat()} is one time, a schedule fires at many: give a length of time"
            )
        registry = self._client.registry
        resolved = resolve_options(
            message,
            options.model_copy(update={"expires": None}),
            self._client.routing,
            declared_queue=registry.declared_queue(type(message)) if registry else None,
            searchable=self._client.searchable,
            now=datetime.now(UTC),
            with_digest=False,
        )
        return resolved.model_copy(update={"expires_after": options.expires})

    async def _status(self, description: ScheduleDescription) -> ScheduleStatus:
        schedule, info = description.schedule, description.info
        action = schedule.action if isinstance(schedule.action, ScheduleActionStartWorkflow) else None
        options = await self._memo(action, MEMO_OPTIONS, JobOptions)
        return ScheduleStatus(
            id=description.id,
            type=str(action.workflow) if action else "",
            message=await self._decoded(action.args[0]) if action and action.args else None,
            timing=await self._memo(action, MEMO_SCHEDULE, Timing),
            paused=schedule.state.paused,
            note=schedule.state.note or "",
            queue=options.queue if options else (action.task_queue if action else ""),
            priority=options.priority if options else None,
            next=() if schedule.state.paused else tuple(info.next_action_times),
            recent=tuple(
                ScheduledJob(job_id=run.action.workflow_id, scheduled_at=run.scheduled_at, started_at=run.started_at)
                for run in info.recent_actions
                if isinstance(run.action, ScheduleActionExecutionStartWorkflow)
            ),
            running=tuple(
                run.workflow_id for run in info.running_actions if isinstance(run, ScheduleActionExecutionStartWorkflow)
            ),
            fired=info.num_actions,
            missed=info.num_actions_missed_catchup_window,
            skipped=info.num_actions_skipped_overlap,
        )

    async def _memo(self, action: ScheduleActionStartWorkflow | None, name: str, kind: type[Any]) -> Any:
        found = ((action and action.memo) or {}).get(name)
        return found if found is None or isinstance(found, kind) else await self._decoded(found, kind)

    async def _decoded(self, value: Any, kind: type[Any] | None = None) -> Any:
        if not isinstance(value, Payload):
            return value
        return (await self._client.temporal.data_converter.decode([value], [kind] if kind else None))[0]

    @asynccontextmanager
    async def _explained(self, id: str, timing: Timing | None = None) -> AsyncIterator[None]:
        """Our errors for the server's."""
        try:
            yield
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ScheduleNotFound(f"no schedule {id!r} on the server", schedule_id=id) from error
            if has_no_answer(error):
                raise unreachable(self._client.temporal.service_client.config.target_host, error) from error
            if error.status is RPCStatusCode.INVALID_ARGUMENT and timing is not None:
                raise InvalidSchedule(_in_words(error.message, timing), schedule_id=id) from error
            raise ScheduleError(f"schedule {id!r}: {error.message}", schedule_id=id) from error


def _in_words(message: str, timing: Timing) -> str:
    """The server's word on a timing, which names the field of a cron line, with what it is about."""
    text = message.removeprefix("Invalid schedule spec: ")
    if text.startswith("unknown time zone"):
        return f"time zone {timing.time_zone!r} is unknown: write an IANA name, as Europe/Berlin"
    if "5-7 fields" in text:
        text = "it has not 5 fields, which are minute, hour, day, month and weekday, as in '0 3 * * *'"
    about = " or ".join(map(repr, timing.cron))
    return f"cron {about}: {text}" if about else text


def _split(timing: Timing | None, given: dict[str, Any], known: Timing | None = None) -> tuple[Timing, dict[str, Any]]:
    """The timing, and the keywords that are options of the send."""
    fields = Timing.model_fields
    when = {name: value for name, value in given.items() if name in fields and value is not None}
    how = {name: value for name, value in given.items() if name not in fields}
    base = timing or known
    if base is not None and not when:
        return base, how
    before = base.model_dump(exclude_unset=True) if base is not None else {}
    if "cron" in when or "every" in when:
        # A new rhythm replaces the old one whole.
        before = {name: value for name, value in before.items() if name not in ("cron", "every", "offset")}
    return timing_from({**before, **when}), how


def _check_id(id: str) -> None:
    if not id or len(id) > _LONGEST_ID or not id.isprintable():
        raise InvalidSchedule(f"schedule id {id!r}: write 1 to {_LONGEST_ID} printable characters", schedule_id=id)
