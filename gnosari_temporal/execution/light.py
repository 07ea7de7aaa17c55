"""The light group: some messages of a light batch, whose consumers one local activity runs one after another.

A local activity for each message costs more than a short consumer does. So first attempts share one, as many as
``GROUP_MESSAGES``; a message that is to be tried again gets one of its own.
"""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from ..durations import Duration
from .inputs import ConsumerInput

LIGHT_ACTIVITY = "GnosariLight"
GROUP_MESSAGES = 10
"""Messages of a group: enough to share the cost, few enough to keep ten slots busy with a chunk."""
_GROUP_ID = "light."
_MARGIN = timedelta(seconds=15)
_HANDED_BACK = timedelta(seconds=1)
"""The wait before a message that a stopping worker did not run is run elsewhere: a timer ends this worker's part."""
_STUBBORN = timedelta(seconds=5)
"""How long a consumer may take to stop when it is cancelled; then it is left behind."""


class LightTask(BaseModel):
    """One message of a group."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Id that its activity would have, if it had one."""
    consumer: str
    task: ConsumerInput


class LightFailure(BaseModel):
    """The failure of one attempt."""

    model_config = ConfigDict(frozen=True)

    type: str
    message: str
    details: Any = None


class LightAnswer(BaseModel):
    """What became of one attempt of one message."""

    model_config = ConfigDict(frozen=True)

    key: str
    result: Any = None
    failure: LightFailure | None = Field(default=None, exclude_if=operator.not_)
    retry_after: Duration | None = Field(default=None, exclude_if=lambda delay: delay is None)
    """The wait before its next attempt; None: there is none. Without a failure the worker was stopped first."""


Attempt = Callable[[str, ConsumerInput], Awaitable[Any]]
"""Runs one attempt of the consumer of this name."""


@dataclass(frozen=True)
class Ending:
    """How a worker ends: what has begun when it is told may go on for the grace."""

    told: asyncio.Event
    grace: timedelta

    async def over(self) -> None:
        """Wait until the grace has passed."""
        await self.told.wait()
        await asyncio.sleep(self.grace.total_seconds())


def light_activity(attempt: Attempt, ending: Ending | None) -> Callable[..., Any]:
    """The activity that runs groups; ``attempt`` is what a consumer's own activity does.

    The SDK lets local activities run to their ends when its worker is shut down, those that wait for a slot, too. So a
    group looks itself whether the worker is ending, and hands back what it has not run.
    """

    @activity.defn(name=LIGHT_ACTIVITY)
    async def run(tasks: Sequence[LightTask]) -> list[LightAnswer]:
        over = asyncio.ensure_future(ending.over()) if ending is not None else None
        try:
            return [await _answer(attempt, given, ending, over) for given in tasks]
        finally:
            if over is not None:
                over.cancel()

    return run


async def _answer(
    attempt: Attempt, given: LightTask, ending: Ending | None, over: asyncio.Future[None] | None
) -> LightAnswer:
    if ending is not None and ending.told.is_set():
        return LightAnswer(key=given.key, retry_after=_HANDED_BACK)
    work = asyncio.ensure_future(attempt(given.consumer, given.task))
    try:
        await asyncio.wait({work} if over is None else {work, over}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await _stop(work)
        raise
    if not work.done():
        await _stop(work)
    if not work.done() or work.cancelled():
        return LightAnswer(key=given.key, retry_after=_HANDED_BACK)
    try:
        return LightAnswer(key=given.key, result=work.result())
    except ApplicationError as error:
        details = error.details[0] if error.details else None
        failure = LightFailure(type=error.type or "", message=error.message, details=details)
        wait = None if error.non_retryable else error.next_retry_delay or timedelta(0)
        return LightAnswer(key=given.key, failure=failure, retry_after=wait)


async def _stop(work: asyncio.Future[Any]) -> None:
    work.cancel()
    await asyncio.wait({work}, timeout=_STUBBORN.total_seconds())


async def run_light(tasks: Sequence[LightTask], *, number: int, timeout: timedelta) -> list[LightAnswer]:
    """Run a group from a workflow: an attempt of each, in order.

    Args:
        tasks: What to run.
        number: Number of the group in its workflow.
        timeout: Of all together.
    """
    answers: list[LightAnswer] = await workflow.execute_local_activity(
        LIGHT_ACTIVITY,
        list(tasks),
        activity_id=f"{_GROUP_ID}{number}",
        start_to_close_timeout=timeout + _MARGIN,
        retry_policy=RetryPolicy(maximum_attempts=1),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        result_type=list[LightAnswer],
    )
    return answers


def is_group(activity_id: str) -> bool:
    """Whether an activity is that of a group."""
    return activity_id.startswith(_GROUP_ID)
