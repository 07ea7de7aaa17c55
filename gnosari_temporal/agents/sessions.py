"""Sessions: conversations that go on over runs. A workflow keeps each, and gives it to one run at a time."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from temporalio import workflow
from temporalio.common import Priority, WorkflowIDConflictPolicy
from temporalio.exceptions import FailureError

from ..consumers import BaseConsumer, current_job
from ..errors import GnosariError
from ..execution.options import MEMO_OPTIONS, JobOptions
from ..execution.search import job_search
from ..execution.workflows import consume
from ..messages import BaseMessage
from ..retry import RetrySpec
from ..routing import SESSION, TEAM, job_id
from .run import Run, tell
from .signals import SESSION_SIGNAL, SessionGrant
from .state import Item
from .task_check import TaskCheckMessage

ASK_SIGNAL = "gnosari_session_ask"
RELEASE_SIGNAL = "gnosari_session_release"
SESSION_QUERY = "gnosari_session_items"

LARGEST_SESSION = 1024 * 1024
"""Bytes of a conversation that are kept; the oldest exchanges are forgotten first."""

_FIRST_CHECK = timedelta(seconds=2)
_LONGEST_CHECK = timedelta(seconds=30)
_HISTORY_LIMIT = 2000


class SessionMessage(BaseMessage):
    """One session of a team: its conversation, and who has it or waits for it."""

    team: str
    session_id: str
    items: list[Item] = Field(default_factory=list)
    holder: str = ""
    """Job id of the run that has it."""
    waiting: list[str] = Field(default_factory=list)
    """Job ids of the runs that wait, in the order in which they came."""

    def job_summary(self) -> str:
        """Team and session."""
        return f"session {self.session_id} of {self.team}"

    def job_attributes(self) -> dict[str, str]:
        """Team and session."""
        return {TEAM: self.team, SESSION: self.session_id}


class SessionRelease(BaseModel):
    """A run gives its session back."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    items: list[Item] | None = None
    """The conversation as it is now; None: as it was."""


class SessionAskMessage(BaseMessage):
    """A run asks for a session."""

    team: str
    session_id: str
    job_id: str
    queue: str
    searchable: bool = False

    def job_summary(self) -> str:
        """Which session."""
        return f"session {self.session_id}"


class SessionAskConsumer(BaseConsumer[SessionAskMessage, None]):
    """Asks the session's workflow, which is started if there is none: only a client can do both in one step."""

    retry = RetrySpec(maximum_attempts=0, initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
    timeout = timedelta(minutes=1)

    async def process(self, message: SessionAskMessage) -> None:
        """Ask; the session answers the run by a signal."""
        job = current_job()
        if job.submit is None:
            raise GnosariError("sessions need a worker with a client")
        await asyncio.wrap_future(job.submit(lambda client: _ask(client, message)))


async def _ask(client: Any, message: SessionAskMessage) -> None:
    session = SessionMessage(
        message_id=f"{message.team}/{message.session_id}", team=message.team, session_id=message.session_id
    )
    summary = session.job_summary()
    await client.temporal.start_workflow(
        SessionMessage.__name__,
        session,
        id=job_id(SessionMessage.__name__, session.message_id),
        task_queue=message.queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        memo={MEMO_OPTIONS: JobOptions(queue=message.queue, searchable=message.searchable)},
        search_attributes=job_search(
            searchable=message.searchable, queue=message.queue, summary=summary, more=session.job_attributes()
        ),
        priority=Priority.default,
        static_summary=summary,
        start_signal=ASK_SIGNAL,
        start_signal_args=[message.job_id],
    )


async def acquire(run: Run) -> None:
    """Wait until the session of the run, if it has one, is its own; the conversation so far is put before it."""
    message, state = run.message, run.state
    if message.session_id is None or message.depth or state.session_held:
        return
    options = run.options
    ask = SessionAskMessage(
        team=message.team.name,
        session_id=message.session_id,
        job_id=workflow.info().workflow_id,
        queue=options.queue,
        searchable=options.searchable,
    )
    await consume(ask)
    await workflow.wait_condition(lambda: run.grant is not None)
    state.session_held = True
    state.items = list(run.grant or [])
    state.session_items = len(state.items)


async def release(run: Run, *, keep: bool) -> None:
    """Give the session back, with the conversation as it is now or as it was."""
    message, state = run.message, run.state
    if message.session_id is None or message.depth:
        return
    kept = shortened(state.items) if keep else None
    session = job_id(SessionMessage.__name__, f"{message.team.name}/{message.session_id}")
    await tell(session, RELEASE_SIGNAL, SessionRelease(job_id=workflow.info().workflow_id, items=kept))


def shortened(items: list[Item], limit: int = LARGEST_SESSION) -> list[Item]:
    """The conversation without its oldest exchanges, as far as it is too long to be kept.

    It begins with what a user said, so that no output is without its call.
    """
    starts = [index for index, item in enumerate(items) if item.get("role") == "user"]
    for start in starts or [0]:
        if len(json.dumps(items[start:]).encode()) <= limit:
            return items[start:]
    return []


@workflow.defn(name="SessionMessage", sandboxed=False)
class SessionWorkflow:
    """Keeps a conversation, and gives it to one run after the other."""

    @workflow.init
    def __init__(self, message: SessionMessage) -> None:
        self._message = message.model_copy(deep=True)

    @workflow.run
    async def run(self, message: SessionMessage) -> None:
        """Go on for ever; a history that grows long is continued as new."""
        session = self._message
        interval = _FIRST_CHECK
        while True:
            if not session.holder and session.waiting:
                session.holder = session.waiting.pop(0)
                interval = _FIRST_CHECK
                await tell(session.holder, SESSION_SIGNAL, SessionGrant(items=session.items))
            if workflow.info().get_current_history_length() > _HISTORY_LIMIT:
                workflow.continue_as_new(session)
            await workflow.wait_condition(lambda: bool(session.waiting))
            try:
                await workflow.wait_condition(lambda: not session.holder, timeout=interval)
            except TimeoutError:
                interval = min(interval * 2, _LONGEST_CHECK)
                await self._check_holder()

    @workflow.signal(name=ASK_SIGNAL)
    def ask(self, job: str) -> None:
        """A run wants the session."""
        if job != self._message.holder and job not in self._message.waiting:
            self._message.waiting.append(job)

    @workflow.signal(name=RELEASE_SIGNAL)
    def give_back(self, release: SessionRelease) -> None:
        """A run gives it back, or no longer waits."""
        session = self._message
        if release.job_id in session.waiting:
            session.waiting.remove(release.job_id)
        if release.job_id == session.holder:
            session.holder = ""
            if release.items is not None:
                session.items = release.items

    @workflow.query(name=SESSION_QUERY)
    def items(self) -> list[Item]:
        """The conversation."""
        return self._message.items

    async def _check_holder(self) -> None:
        """Take the session back from a run that ended without a word: it was terminated."""
        holder = self._message.holder
        try:
            ended = await consume(TaskCheckMessage(job_ids=[holder]))
        except FailureError as error:
            workflow.logger.warning("the holder %s could not be checked: %s", holder, error)
            return
        if ended and self._message.holder == holder:
            self._message.holder = ""
