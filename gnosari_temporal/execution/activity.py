"""The consumer activity: one attempt of a consumer under Temporal."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from ..consumers import BaseConsumer, JobContext, SentJob, logger, message_type_of
from ..durations import format_duration
from ..errors import EventLoopRunning, InvalidMessage, JobLost
from ..messages import FROM_THE_WIRE, BaseMessage, explain, shorten
from ..registry import Registry
from ..retry import LOST_ATTEMPTS_ALLOWED, RetrySpec
from ..routing import derived_message_id
from .attempt import AttemptFailed, failed_before, report_failure, run_attempt
from .failures import consumer_failure, failure_type, lost_failure, telling_cause
from .inputs import ConsumerInput
from .light import Ending, light_activity
from .limits import check_progress

HEARTBEAT_INTERVAL = timedelta(seconds=1)
BLOCKS_THE_LOOP = "send_blocking() would block the worker's event loop: write `await current_job().send(message)`"
_RESULT_LENGTH = 200
_UNKNOWN_RETRY = timedelta(seconds=10)

Sender = Callable[..., Any]
"""``async sender(message, message_id=..., **options)``, given by the worker, behind ``current_job().send``."""


@dataclass
class ConsumerRunner:
    """Runs consumers on one worker."""

    registry: Registry
    executor: Executor
    factory: Callable[[type[BaseConsumer[Any, Any]]], BaseConsumer[Any, Any]]
    """Makes a consumer with its dependencies."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    sender: Sender | None = None
    client: Any = None
    """The worker's client, for what plain code calls through ``JobContext.submit``."""
    ending: Ending | None = None
    """When the worker ends, for consumers of light batches; None: never."""
    on_attempt: Callable[[], None] = lambda: None
    """Told after every attempt; a supervisor counts them."""

    def activities(self) -> list[Callable[..., Any]]:
        """An activity for every consumer, and one that answers for consumers unknown here."""
        known = [self._activity(consumer) for consumer in self.registry.consumers.values()]
        return [*known, light_activity(self._attempt, self.ending), self._unknown()]

    def _activity(self, consumer: type[BaseConsumer[Any, Any]]) -> Callable[..., Any]:
        @activity.defn(name=consumer.__name__)
        async def run(task: ConsumerInput) -> Any:
            return await self._attempt(consumer.__name__, task)

        return run

    async def _attempt(self, consumer: str, task: ConsumerInput) -> Any:
        try:
            return await _Attempt(self, self.registry.consumer(consumer), task).run()
        finally:
            self.on_attempt()

    def _unknown(self) -> Callable[..., Any]:
        known = ", ".join(sorted(self.registry.consumers)) or "none"

        @activity.defn(dynamic=True)
        async def unknown(_args: Sequence[RawValue]) -> Any:
            info = activity.info()
            past = _Past.of(info)
            past.refused += 1
            past.tell(info)
            raise ApplicationError(
                f"no consumer {info.activity_type!r} on the worker of task queue {info.task_queue!r} that was handed "
                f"{info.workflow_id}; it has {known}. Start a worker that has it, or give it a queue of its own",
                type="UnknownConsumer",
                next_retry_delay=_UNKNOWN_RETRY,
                non_retryable=past.refused > LOST_ATTEMPTS_ALLOWED,
            )

        return unknown


@dataclass
class _Past:
    """What became of the earlier attempts of an activity; kept in its heartbeat details, which outlive an attempt."""

    failures: int = 0
    """Attempts in which the consumer failed."""
    released: int = 0
    """Attempts that were handed back: their worker was stopped, or a person paused or reset the activity."""
    refused: int = 0
    """Attempts that went to a worker which does not know the consumer."""
    progress: Any = None

    @classmethod
    def of(cls, info: activity.Info) -> _Past:
        """Read it."""
        if info.is_local:
            return cls()  # has one attempt, and no heartbeats
        found = info.heartbeat_details[0] if info.heartbeat_details else {}
        if not isinstance(found, Mapping):
            return cls()
        failures, released, refused = (int(found.get(name, 0)) for name in ("failures", "released", "refused"))
        past = cls(failures, released, refused, found.get("progress"))
        # A person has reset the activity: the server counts from 1 again, and so does the consumer.
        return past if past.counted < info.attempt else cls(progress=past.progress)

    @property
    def counted(self) -> int:
        """Attempts whose end is known; the others were lost with their worker."""
        return self.failures + self.released + self.refused

    def tell(self, info: activity.Info) -> None:
        """Send it to the server."""
        if not info.is_local:
            activity.heartbeat(dict(vars(self)))


class _Attempt:
    """One attempt: what it knows of the job, its heartbeat and its log line."""

    def __init__(self, runner: ConsumerRunner, consumer: type[BaseConsumer[Any, Any]], task: ConsumerInput) -> None:
        self.runner, self.consumer, self.task = runner, consumer, task
        self.info = activity.info()
        self.past = _Past.of(self.info)
        self.lost = task.lost + self.info.attempt - 1 - self.past.counted
        self.job_id = task.job or self.info.workflow_id or self.info.activity_id
        self.loop, self.thread = asyncio.get_running_loop(), threading.get_ident()
        self.sends = 0

    @property
    def failures(self) -> int:
        """How often the consumer has failed, in earlier activities of the call too."""
        return self.task.failures + self.past.failures

    async def run(self) -> Any:
        message = self._message()
        job = self._job(message)
        started = time.monotonic()
        heartbeat = None if self.info.is_local else asyncio.create_task(self._keep_alive())
        outcome, shown = "failed", ""
        try:
            result = await run_attempt(
                await self._consumer(message, job),
                message,
                job,
                timeout=self.task.timeout,
                executor=self.runner.executor,
                largest_result=self.task.largest_result,
            )
            outcome, shown = "succeeded", shorten(repr(result), _RESULT_LENGTH)
            return result
        except AttemptFailed as failed:
            outcome, shown = _in_words(failed)
            raise self._failure(failed) from telling_cause(failed.exception)
        except ApplicationError as lost:
            shown = f"{lost.type}: {lost.message}"
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            stopped_by = _handed_back()
            if stopped_by:
                outcome = f"handed back: {stopped_by}"
                self.past.released += 1
                self._beat()
            raise
        finally:
            if heartbeat is not None:
                heartbeat.cancel()
            self._log(job, outcome, shown, time.monotonic() - started)

    async def _consumer(self, message: BaseMessage, job: JobContext) -> BaseConsumer[Any, Any]:
        """The consumer of this attempt.

        Raises:
            AttemptFailed: it cannot be made.
            ApplicationError: its workers have died too often.
        """
        text = (
            f"{self.lost} attempts of {self.consumer.__name__} were lost with their workers: it may be what "
            "kills them (memory, a crash in native code). Send it again after mending that"
        )
        if self.lost > LOST_ATTEMPTS_ALLOWED:
            raise lost_failure(text)  # it died of being told, too
        try:
            consumer = self.runner.factory(self.consumer)
        except Exception as error:
            raise failed_before(error, message, job) from error
        if self.lost == LOST_ATTEMPTS_ALLOWED:
            await report_failure(consumer, JobLost(text, job_id=self.job_id), message, job, self.runner.executor)
            raise lost_failure(text)
        return consumer

    def _failure(self, failed: AttemptFailed) -> ApplicationError:
        """Count the failure, and what it travels as."""
        self.past.failures += 1
        self._beat()
        return consumer_failure(failed.exception, retry_delay=failed.retry_delay, attempts=self.failures)

    def _message(self) -> BaseMessage:
        message_type = message_type_of(self.consumer)
        try:
            message = message_type.model_validate(self.task.message, context={FROM_THE_WIRE: True})
        except ValidationError as error:
            raise consumer_failure(
                InvalidMessage(explain(message_type, error)), retry_delay=None, attempts=self.failures + 1
            ) from None
        return message.model_copy(update={"retry_count": self.failures})

    def _job(self, message: BaseMessage) -> JobContext:
        return JobContext(
            id=self.job_id,
            message=message,
            attempt=self.failures + 1,
            deadline=self.info.started_time + self.task.timeout if self.task.timeout else None,
            queue=self.info.task_queue,
            logger=logging.LoggerAdapter(logger, {"job": self.job_id, "attempt": self.failures + 1}),
            retry=self.task.retry or RetrySpec.of_message(message),
            resources=self.runner.resources,
            idempotency_key=f"{self.job_id}#{self.task.call}",
            last_progress=self.past.progress,
            submit=self._submit if self.runner.client is not None else None,
            _heartbeat=self._report,
            _send=self._send if self.runner.sender else None,
            _send_blocking=self._send_blocking if self.runner.sender else None,
        )

    async def _keep_alive(self) -> None:
        interval = HEARTBEAT_INTERVAL
        if self.info.heartbeat_timeout:
            interval = min(interval, self.info.heartbeat_timeout / 3)
        while True:
            await asyncio.sleep(interval.total_seconds())
            self._beat()

    def _beat(self) -> None:
        self.past.tell(self.info)

    def _report(self, progress: Any) -> None:
        check_progress(progress, self.consumer.__name__)
        self.past.progress = progress
        self.loop.call_soon_threadsafe(self._beat)

    async def _send(self, message: BaseMessage, **options: Any) -> SentJob:
        self.sends += 1
        assert self.runner.sender is not None
        derived = derived_message_id(self.job_id, f"{self.task.call}.{self.sends}")
        sent: SentJob = await self.runner.sender(message, **{"message_id": derived, **options})
        return sent

    def _submit(self, use: Callable[[Any], Awaitable[Any]]) -> Future[Any]:
        async def run() -> Any:
            return await use(self.runner.client)

        return asyncio.run_coroutine_threadsafe(run(), self.loop)

    def _send_blocking(self, message: BaseMessage, **options: Any) -> SentJob:
        if threading.get_ident() == self.thread:
            raise EventLoopRunning(BLOCKS_THE_LOOP)
        return asyncio.run_coroutine_threadsafe(self._send(message, **options), self.loop).result()

    def _log(self, job: JobContext, outcome: str, shown: str, seconds: float) -> None:
        wait = (self.info.started_time - self.info.current_attempt_scheduled_time).total_seconds()
        job.logger.log(
            logging.WARNING if outcome.startswith("failed") else logging.INFO,
            "%s attempt %d on %s %s after %.3f s (waited %.3f s)%s",
            self.job_id,
            self.failures if outcome.startswith("failed") else self.failures + 1,
            self.info.task_queue,
            outcome,
            seconds,
            max(wait, 0.0),
            f": {shown}" if shown else "",
        )


def _in_words(failed: AttemptFailed) -> tuple[str, str]:
    """Outcome and error of a failed attempt, for its log line."""
    again = f", next in {format_duration(failed.retry_delay)}" if failed.retry_delay is not None else ""
    return f"failed{again}", f"{failure_type(failed.exception)}: {shorten(str(failed.exception), _RESULT_LENGTH)}"


def _handed_back() -> str:
    """Why an attempt was stopped whose job is not cancelled; empty where it is."""
    details = activity.cancellation_details()
    if details is None or details.cancel_requested:
        return ""
    if details.worker_shutdown:
        return "the worker stops"
    return "it was paused" if details.paused else "it was reset" if details.reset else ""


__all__ = ["ConsumerInput", "ConsumerRunner", "Sender"]
