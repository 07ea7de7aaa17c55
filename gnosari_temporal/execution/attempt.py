"""One attempt of a consumer: process, hooks, and the decision to try again. Knows nothing of a server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any

from ..consumers import BaseConsumer, JobContext, enter_job
from ..durations import format_duration
from ..errors import ConsumerExited, ConsumerTimeout, DefinitionError, ResultTooLarge, RetryLater
from ..messages import BaseMessage
from .limits import MAX_PAYLOAD_BYTES, check_result
from .threads import run_in_thread

ABANDON_AFTER = timedelta(seconds=5)
"""How long an attempt that timed out may take to stop; then it is left behind."""

SHORTEST_DELAY = timedelta(milliseconds=1)
"""The server takes a delay of zero for none, and waits as its own policy says: a second."""


class AttemptFailed(Exception):
    """The attempt failed with ``exception``; ``retry_delay`` is the wait before the next, None if it is the last."""

    def __init__(self, exception: Exception, retry_delay: timedelta | None) -> None:
        super().__init__(str(exception))
        self.exception = exception
        self.retry_delay = retry_delay


async def run_attempt(
    consumer: BaseConsumer[Any, Any],
    message: BaseMessage,
    job: JobContext,
    *,
    timeout: timedelta | None,
    executor: Executor,
    largest_result: int = MAX_PAYLOAD_BYTES,
) -> Any:
    """Run ``process`` and the hooks; ``message.retry_count`` says how often the consumer has failed before.

    Raises:
        AttemptFailed: ``process`` raised, took too long, or gave a result that cannot be kept.
        asyncio.CancelledError: the job was cancelled.
    """
    enter_job(job)
    try:
        result = await _within(timeout, _call(executor, consumer.process, message), consumer.name)
        check_result(result, consumer.name, largest_result)
    except Exception as error:
        await _hook(executor, job, consumer.on_failure, error, message)
        retried = await _may_retry(executor, consumer, error, message, job)
        raise AttemptFailed(error, _delay(error, message, job) if retried else None) from error
    if _overridden(consumer.on_success):
        await _hook(executor, job, consumer.on_success, result, message)
    return result


def failed_before(error: Exception, message: BaseMessage, job: JobContext) -> AttemptFailed:
    """The failure of an attempt whose consumer could not be made: there is nobody whose hooks could be called."""
    return AttemptFailed(error, _delay(error, message, job) if _policy_allows(error, message, job) else None)


async def report_failure(
    consumer: BaseConsumer[Any, Any],
    error: Exception,
    message: BaseMessage,
    job: JobContext,
    executor: Executor,
) -> None:
    """Call ``on_failure`` for a failure that is not one of ``process``."""
    enter_job(job)
    await _hook(executor, job, consumer.on_failure, error, message)


async def _may_retry(
    executor: Executor,
    consumer: BaseConsumer[Any, Any],
    error: Exception,
    message: BaseMessage,
    job: JobContext,
) -> bool:
    if not _policy_allows(error, message, job) or isinstance(error, ResultTooLarge | DefinitionError):
        return False
    if not _overridden(consumer.should_retry):
        return True
    try:
        return bool(await _call(executor, consumer.should_retry, error, message))
    except Exception:
        job.logger.exception("should_retry raised; the retry policy decides")
        return True


def _policy_allows(error: Exception, message: BaseMessage, job: JobContext) -> bool:
    return job.retry.allows(message.retry_count + 1) and job.retry.retries_type(error)


def _delay(error: Exception, message: BaseMessage, job: JobContext) -> timedelta:
    delay = error.delay if isinstance(error, RetryLater) else job.retry.delay(message.retry_count + 1)
    return max(delay, SHORTEST_DELAY)


async def _hook(executor: Executor, job: JobContext, hook: Callable[..., Any], *args: Any) -> None:
    if not _overridden(hook):
        return
    try:
        await _call(executor, hook, *args)
    except Exception:
        job.logger.exception("%s raised; the outcome stays", hook.__name__)


def _overridden(method: Callable[..., Any]) -> bool:
    return getattr(method, "__func__", method) is not getattr(BaseConsumer, method.__name__, None)


async def _call(executor: Executor, function: Callable[..., Any], *args: Any) -> Any:
    try:
        if inspect.iscoroutinefunction(function):
            return await function(*args)
        result = await run_in_thread(executor, lambda: _without_exit(function, args))
        return await result if inspect.isawaitable(result) else result
    except SystemExit as error:  # let through, it would end the worker's event loop
        raise _exited(error) from error


def _without_exit(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return function(*args)
    except SystemExit as error:
        raise _exited(error) from error


def _exited(error: SystemExit) -> ConsumerExited:
    return ConsumerExited(f"the consumer ended with sys.exit({error.code!r}): raise an exception instead")


async def _within(timeout: timedelta | None, work: Coroutine[Any, Any, Any], name: str) -> Any:
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=timeout.total_seconds() if timeout else None)
    except asyncio.CancelledError:
        # Told to stop: the consumer may clean up, or finish all the same, and its word counts.
        task.cancel()
        await asyncio.wait({task})
        return task.result()
    if done:
        return task.result()
    assert timeout is not None
    task.cancel()
    await asyncio.wait({task}, timeout=ABANDON_AFTER.total_seconds())
    raise ConsumerTimeout(f"{name} took longer than its timeout of {format_duration(timeout)}")
