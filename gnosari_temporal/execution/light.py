"""The light group: some messages of a light batch, whose consumers one local activity runs one after another.

A local activity for each message costs more than a short consumer does. So the first attempts share one; a message that
is to be tried again gets a local activity of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable, Sequence
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
    """What became of the first attempt of one message."""

    model_config = ConfigDict(frozen=True)

    key: str
    result: Any = None
    failure: LightFailure | None = Field(default=None, exclude_if=operator.not_)
    retry_after: Duration | None = Field(default=None, exclude_if=lambda delay: delay is None)
    """The wait before its next attempt; None: there is none."""


Attempt = Callable[[str, ConsumerInput], Awaitable[Any]]
"""Runs one attempt of the consumer of this name."""


def light_activity(attempt: Attempt) -> Callable[..., Any]:
    """The activity that runs groups; ``attempt`` is what a consumer's own activity does."""

    @activity.defn(name=LIGHT_ACTIVITY)
    async def run(tasks: Sequence[LightTask]) -> list[LightAnswer]:
        return [await _answer(attempt, task) for task in tasks]

    return run


async def _answer(attempt: Attempt, given: LightTask) -> LightAnswer:
    try:
        return LightAnswer(key=given.key, result=await attempt(given.consumer, given.task))
    except ApplicationError as error:
        details = error.details[0] if error.details else None
        failure = LightFailure(type=error.type or "", message=error.message, details=details)
        return LightAnswer(
            key=given.key, failure=failure, retry_after=None if error.non_retryable else error.next_retry_delay
        )


async def run_light(tasks: Sequence[LightTask], *, timeout: timedelta) -> list[LightAnswer]:
    """Run a group from a workflow: the first attempts, in order. ``timeout`` is that of all together."""
    answers: list[LightAnswer] = await workflow.execute_local_activity(
        LIGHT_ACTIVITY,
        list(tasks),
        activity_id=_GROUP_ID + tasks[0].key,
        start_to_close_timeout=timeout + _MARGIN,
        retry_policy=RetryPolicy(maximum_attempts=1),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        result_type=list[LightAnswer],
    )
    return answers


def is_group(activity_id: str) -> bool:
    """Whether an activity is that of a group."""
    return activity_id.startswith(_GROUP_ID)
