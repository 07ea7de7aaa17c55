"""The agent workflow: one durable execution for each run of an agent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from ..execution.failures import expired_failure
from ..execution.limits import MAX_PAYLOAD_BYTES
from ..execution.search import keyword
from ..routing import EXPIRED, STATE
from .conversation import Conversation, Pause
from .messages import AgentMessage, AgentResult
from .run import BUDGET_EXCEEDED, CONVERSATION_TOO_LONG, FINAL, RUN_TIMED_OUT, Run, failed_end, tell
from .sessions import acquire, release
from .signals import (
    RUN_QUERY,
    SESSION_SIGNAL,
    STEER_SIGNAL,
    TASK_ENDED_SIGNAL,
    USED_SIGNAL,
    AgentRunView,
    SessionGrant,
    Used,
)
from .state import RunState, TaskEnd, TaskState
from .tasks import Tasks

_STOP_AGAIN = 5.0
"""Seconds after which a conversation that has not stopped is told again."""


@workflow.defn(name="AgentMessage", sandboxed=False)
class AgentWorkflow:
    """Runs an agent: model calls and tools are activities, delegations child workflows."""

    @workflow.init
    def __init__(self, message: AgentMessage) -> None:
        """Signals may come before ``run`` is called."""
        self._run = Run(message)
        self._tasks = Tasks(self._run)

    @workflow.run
    async def run(self, message: AgentMessage) -> AgentResult:
        """Run the agent to its answer.

        Raises:
            temporalio.exceptions.ApplicationError: the run failed; its type says why, its details what was used.
        """
        run = self._run
        if message.state is None:
            _refuse_if_expired(run)
            limit = message.team.config.timeout if message.depth == 0 else None
            limit = run.options.timeout or limit
            if run.deadline is None and limit is not None:
                run.deadline = workflow.now() + limit
        self._tasks.resume()
        try:
            outcome = await self._attempts()
        except (Exception, asyncio.CancelledError) as error:
            end = failed_end(workflow.info().workflow_id, error)
            await self._tell(end.model_copy(update={"usage": run.state.total}))
            raise
        if isinstance(outcome, Pause):
            workflow.continue_as_new(carry_over(run))
        await self._tell(
            TaskEnd(
                job_id=workflow.info().workflow_id,
                state=TaskState.SUCCEEDED,
                result=outcome.answer,
                usage=run.state.total,
            )
        )
        return outcome

    async def _tell(self, end: TaskEnd) -> None:
        """Tell the session and the run that delegated how it ended."""
        await release(self._run, keep=end.state is TaskState.SUCCEEDED)
        if self._run.message.delegator is not None:
            await tell(self._run.message.delegator.job_id, TASK_ENDED_SIGNAL, end)

    @workflow.signal(name=STEER_SIGNAL)
    def steer(self, text: str) -> None:
        """A person's words for the agent's next turn."""
        self._run.state.steering.append(text)

    @workflow.signal(name=TASK_ENDED_SIGNAL)
    def task_ended(self, end: TaskEnd) -> None:
        """A delegated run is over."""
        self._tasks.ended(end)

    @workflow.signal(name=USED_SIGNAL)
    def used(self, used: Used) -> None:
        """What a delegated run has used so far."""
        self._run.used(used.job_id, used.usage)

    @workflow.signal(name=SESSION_SIGNAL)
    def session(self, grant: SessionGrant) -> None:
        """The session is this run's."""
        self._run.grant = list(grant.items)

    @workflow.query(name=RUN_QUERY)
    def view(self) -> AgentRunView:
        """Where the run stands."""
        state = self._run.state
        return AgentRunView(
            agent=state.agent,
            turns=state.turns,
            usage=state.usage,
            total=state.total,
            answer=state.answer,
            tasks=state.tasks,
            until=self._run.deadline,
        )

    async def _attempts(self) -> AgentResult | Pause:
        """The conversation, from its start again after a failure if the message has a retry policy."""
        run = self._run
        retry = run.message.retry or run.options.retry
        for attempt in count(run.message.attempt):
            try:
                return await self._within_limits()
            except ApplicationError as error:
                again = retry is not None and error.type not in FINAL and error.type not in retry.non_retryable
                if retry is None or not again or not retry.allows(attempt):
                    raise
                workflow.logger.warning("attempt %d of the run failed: %s", attempt, error)
                # Without jitter: it would come out differently in a replay.
                await workflow.sleep(retry.model_copy(update={"jitter": 0.0}).delay(attempt))
                run.message = run.message.model_copy(update={"attempt": attempt + 1})
                self._begin_again()
        raise AssertionError("count() does not end")

    def _begin_again(self) -> None:
        before = self._run.state
        self._run.state = RunState(
            agent=self._run.message.starts_with,
            items=before.items[: before.session_items],
            session_items=before.session_items,
            session_held=before.session_held,
            usage=before.usage,
            delegated=before.delegated,
            calls=before.calls,
            tickets=before.tickets,
        )

    async def _within_limits(self) -> AgentResult | Pause:
        """The conversation, ended from outside when time or budget is over."""
        run = self._run
        left = run.deadline - workflow.now() if run.deadline else None
        # A task of its own: a cancellation of this one is then never lost to an activity that ends all the same.
        work = asyncio.create_task(self._conversation())
        failure: ApplicationError | None = None
        try:
            await workflow.wait_condition(
                lambda: work.done() or run.over_budget() is not None,
                timeout=max(left, timedelta(0)) if left is not None else None,
            )
            if not work.done():
                failure = run.failure(BUDGET_EXCEEDED, run.over_budget() or "")
        except TimeoutError:
            failure = run.failure(RUN_TIMED_OUT, f"the run did not end until {run.deadline}")
        except asyncio.CancelledError:
            await _stop(work)
            raise
        if failure is None:
            return work.result()
        await _stop(work)
        await self._tasks.cancel_all()
        raise failure

    async def _conversation(self) -> AgentResult | Pause:
        run = self._run
        await acquire(run)
        if not run.state.turns:
            run.state.items.append({"role": "user", "content": run.message.message})
        outcome = await Conversation(run, self._tasks).go_on()
        if isinstance(outcome, Pause):
            size = len(carry_over(run).model_dump_json().encode())
            if size > MAX_PAYLOAD_BYTES:
                # The server would refuse it, again and again.
                text = f"the run is {size:,} bytes when it continues as new, the limit is {MAX_PAYLOAD_BYTES:,}"
                raise run.failure(CONVERSATION_TOO_LONG, text)
        return outcome


def _refuse_if_expired(run: Run) -> None:
    """Fail a run that was not started in time.

    Raises:
        temporalio.exceptions.ApplicationError: of type ``JobExpired``.
    """
    expires = run.options.expires
    if expires is None or workflow.now() < expires:
        return
    if run.options.searchable:
        workflow.upsert_search_attributes([keyword(STATE).value_set(EXPIRED)])
    raise expired_failure(f"not started before its expiry at {expires.isoformat()}")


def carry_over(run: Run) -> AgentMessage:
    """What a run hands to the run that continues it: nothing else crosses."""
    return run.message.model_copy(update={"state": run.state.carried(), "deadline": run.deadline})


async def _stop(work: asyncio.Task[AgentResult | Pause]) -> None:
    """Cancel the conversation until it has ended: an activity that ends all the same takes a cancellation with it."""
    while not work.done():
        work.cancel()
        await asyncio.wait([work], timeout=_STOP_AGAIN)
    if not work.cancelled() and work.exception() is not None:
        workflow.logger.debug("stopped with %s", work.exception())
