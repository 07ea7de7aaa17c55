"""The consumer call: how a workflow runs a consumer, whichever workflow it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

from ..registry import ConsumerPolicy
from ..retry import RetrySpec
from ..routing import Routing, temporal_priority
from .failures import EXPIRED_TYPE, expired_failure, is_handed_back
from .inputs import ConsumerInput

_AFTER_LOSS = timedelta(seconds=1)
_MARGIN = timedelta(seconds=15)
"""The engine ends an attempt at its timeout; the server's own timeout stands behind it."""
_LATER_ATTEMPTS = ".retries"
_SHORTEST_TIMEOUT = timedelta(milliseconds=1)
_ONCE = RetryPolicy(maximum_attempts=1)


@dataclass(frozen=True, kw_only=True)
class ConsumerCall:
    """A consumer that is to run for one message, with everything decided."""

    consumer: str
    task: ConsumerInput
    spec: RetrySpec
    """The retry policy in force."""
    task_queue: str
    priority: Priority
    timeout: timedelta
    heartbeat_timeout: timedelta
    schedule_to_close: timedelta | None
    expires: datetime | None = None
    """Attempt 1 must start before it."""
    summary: str = ""
    result_type: type | None = None
    activity_id: str | None = None
    """Id of the activity in its workflow; None: a number."""
    repeat_lost: bool = True
    """Run it again when it is lost with its worker."""

    @classmethod
    def of(
        cls,
        policy: ConsumerPolicy,
        task: ConsumerInput,
        routing: Routing,
        *,
        queue: str,
        priority: int,
        fairness_key: str | None,
        fairness_weight: float | None,
        max_retries: int,
        **more: Any,
    ) -> ConsumerCall:
        """The call of the consumer with this policy; ``task`` has the retry policy and the timeout, if not its own."""
        return cls(
            consumer=policy.consumer,
            task=task,
            spec=task.retry or RetrySpec.of_max_retries(max_retries),
            task_queue=routing.task_queue(queue, priority),
            priority=temporal_priority(routing.priority_key(priority), fairness_key, fairness_weight),
            timeout=task.timeout or policy.timeout,
            heartbeat_timeout=policy.heartbeat_timeout,
            schedule_to_close=policy.schedule_to_close,
            **more,
        )

    async def run(self) -> Any:
        """Run it to its end, with all attempts.

        Raises:
            temporalio.exceptions.ActivityError: the consumer failed for good.
            temporalio.exceptions.ApplicationError: of type ``JobExpired``: it was not started in time.
        """
        if self.expires is None:
            return await self._execute(self.task, self.spec.to_temporal() if self.repeat_lost else _ONCE)
        left = self.expires - workflow.now()
        if left <= timedelta(0):
            raise self._expired(self.expires)
        return await self._execute_before(self.expires, left)

    async def _execute_before(self, expires: datetime, left: timedelta) -> Any:
        """Attempt 1 is an activity of its own: the server's schedule-to-start timeout counts for every attempt, and
        would end jobs that had started."""
        begun = workflow.now()
        try:
            return await self._execute(self.task, _ONCE, schedule_to_start_timeout=left)
        except ActivityError as error:
            cause = error.cause
            if isinstance(cause, TimeoutError) and cause.type is TimeoutType.SCHEDULE_TO_START:
                raise self._expired(expires) from None
            wait = wait_after_first(cause)
            lost, released = isinstance(cause, TimeoutError), is_handed_back(cause)
            if wait is None or ((lost or released) and not self.repeat_lost):
                raise
        await workflow.sleep(wait)
        again = self.task.model_copy(update={"lost": int(lost), "failures": int(not lost and not released)})
        more: dict[str, Any] = {} if self.activity_id is None else {"activity_id": self.activity_id + _LATER_ATTEMPTS}
        if self.schedule_to_close is not None:
            # An option alone: no decision may hang on what a consumer declares, which a later deploy may change.
            left = self.schedule_to_close - (workflow.now() - begun)
            more["schedule_to_close_timeout"] = max(left, _SHORTEST_TIMEOUT)
        return await self._execute(again, self.spec.to_temporal(), **more)

    async def _execute(self, task: ConsumerInput, retry_policy: RetryPolicy, **more: Any) -> Any:
        options: dict[str, Any] = {
            "retry_policy": retry_policy,
            "start_to_close_timeout": self.timeout + _MARGIN,
            "schedule_to_close_timeout": self.schedule_to_close,
            "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            "activity_id": self.activity_id,
            "summary": self.summary,
            "result_type": self.result_type,
            **more,
        }
        return await workflow.execute_activity(
            self.consumer,
            task,
            task_queue=self.task_queue,
            heartbeat_timeout=self.heartbeat_timeout,
            priority=self.priority,
            **options,
        )

    @staticmethod
    def _expired(expires: datetime) -> ApplicationError:
        return expired_failure(f"not started before its expiry at {expires.isoformat()}")


def wait_after_first(cause: BaseException | None) -> timedelta | None:
    """How long after the failure of an expiring call's first attempt the second follows; None: it was the last."""
    if isinstance(cause, TimeoutError):
        final = cause.type in (TimeoutType.SCHEDULE_TO_START, TimeoutType.SCHEDULE_TO_CLOSE)
        return None if final else _AFTER_LOSS
    if isinstance(cause, ApplicationError) and not cause.non_retryable and cause.type != EXPIRED_TYPE:
        return cause.next_retry_delay or _AFTER_LOSS
    return None


def main_activity_id(activity_id: str) -> str:
    """The ``activity_id`` of the call that an activity belongs to: later attempts may have one of their own."""
    return activity_id.removesuffix(_LATER_ATTEMPTS)


def has_later_attempts(activity_id: str) -> bool:
    """Whether it is the activity of the later attempts of an expiring call."""
    return activity_id.endswith(_LATER_ATTEMPTS)
