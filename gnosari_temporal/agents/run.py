"""The run: one agent's run as its parts see it, inside its workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from ..errors import JobCancelled, JobFailed
from ..execution.failures import to_job_error
from ..execution.options import JobOptions
from ..execution.workflows import job_options
from .messages import AgentMessage
from .signals import USED_SIGNAL, Used
from .spec import AgentSpec
from .state import RunState, TaskEnd, TaskState
from .team import TeamSpec
from .usage import Budget, Usage

BUDGET_EXCEEDED = "BudgetExceeded"
TURN_LIMIT_REACHED = "TurnLimitReached"
RUN_TIMED_OUT = "RunTimedOut"
APPROVAL_TIMED_OUT = "ApprovalTimedOut"
CONVERSATION_TOO_LONG = "ConversationTooLong"
FINAL = frozenset({BUDGET_EXCEEDED, RUN_TIMED_OUT, CONVERSATION_TOO_LONG})
"""Failures after which a run is not tried again."""


class Run:
    """What the parts of a run share: its message, its state and what it may use."""

    def __init__(self, message: AgentMessage) -> None:
        self.message = message
        self.state = message.state or RunState(agent=message.starts_with)
        self.grant: list[dict[str, Any]] | None = None
        """What the session gave."""
        self.deadline: datetime | None = message.deadline
        self._background: set[asyncio.Task[None]] = set()

    @property
    def team(self) -> TeamSpec:
        """The team."""
        return self.message.team

    @property
    def agent(self) -> AgentSpec:
        """The agent whose turn it is."""
        return self.team.agent(self.state.agent)

    @property
    def options(self) -> JobOptions:
        """The options that the job was sent with."""
        return job_options()

    @property
    def budget(self) -> Budget:
        """What the run may use, with its delegations."""
        config = self.team.config
        return self.message.budget or Budget(tokens=config.max_tokens_total, cost=config.max_cost)

    def over_budget(self) -> str | None:
        """What of the budget is used up."""
        return self.budget.exceeded_by(self.state.total)

    def next_number(self) -> int:
        """A number for a call: the same in every replay, unique over continue-as-new."""
        self.state.calls += 1
        return self.state.calls

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on beside the conversation; it ends with the run."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def used(self, job_id: str, usage: Usage) -> None:
        """Note what a delegated run used, and pass it on."""
        if self.state.delegated.get(job_id) != usage:
            self.state.delegated[job_id] = usage
            self.report_usage()

    def report_usage(self) -> None:
        """Tell the run that delegated what is used so far: a budget holds for all of them together."""
        if self.message.delegator is not None and self.budget.limited:
            report = Used(job_id=workflow.info().workflow_id, usage=self.state.total)
            self.in_background(tell(self.message.delegator.job_id, USED_SIGNAL, report))

    def failure(self, kind: str, text: str) -> ApplicationError:
        """A failure of the run, with what it used and said until then."""
        details = {
            "agent": self.state.agent,
            "answer": self.state.answer,
            "total": self.state.total.model_dump(mode="json"),
        }
        return ApplicationError(text, details, type=kind, non_retryable=True)

    def failed_by(self, error: FailureError) -> BaseException:
        """The failure of the run by something that failed in it."""
        job_error = to_job_error(error, workflow.info().workflow_id)
        if not isinstance(job_error, JobFailed):
            return error
        return self.failure(job_error.exception_type, job_error.exception_message)


async def tell(job_id: str, signal: str, value: Any) -> None:
    """Signal another run; one that is over does not mind."""
    try:
        await workflow.get_external_workflow_handle(job_id).signal(signal, value)
    except ApplicationError as error:
        workflow.logger.debug("%s could not be told: %s", job_id, error)


def failed_end(job_id: str, error: BaseException) -> TaskEnd:
    """How a task ended that failed, with the reason in words that an agent can act on."""
    job_error = to_job_error(error, job_id)
    if isinstance(error, asyncio.CancelledError) or isinstance(job_error, JobCancelled):
        return TaskEnd(job_id=job_id, state=TaskState.CANCELLED, error="it was cancelled")
    usage = Usage()
    text = str(job_error)
    if isinstance(job_error, JobFailed):
        text = f"{job_error.exception_type}: {job_error.exception_message}"
        details = job_error.details[0] if job_error.details and isinstance(job_error.details[0], dict) else {}
        usage = Usage.model_validate(details.get("total") or {})
    return TaskEnd(job_id=job_id, state=TaskState.FAILED, error=text, usage=usage)
