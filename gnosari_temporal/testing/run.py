"""Running a consumer without a server: its attempts, hooks and retries as a worker would, the waits skipped."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal

from typing_extensions import TypeVar

from ..consumers import BaseConsumer, JobContext, message_type_of
from ..consumers import logger as consumer_logger
from ..errors import DefinitionError, EventLoopRunning, GnosariError, InvalidMessage
from ..execution.activity import BLOCKS_THE_LOOP
from ..execution.attempt import AttemptFailed, run_attempt
from ..execution.converter import data_converter
from ..execution.limits import check_message, check_progress
from ..execution.options import SendOptions
from ..messages import BaseMessage
from ..registry import ConsumerPolicy, Registry
from ..retry import RetrySpec
from ..routing import derived_message_id, job_id
from ..settings import DEFAULT_QUEUE
from ..worker import Application
from .outbox import Outbox, Replies, SentMessage

M = TypeVar("M", bound=BaseMessage, default=Any)
R = TypeVar("R", default=Any)

_HOOKS = ("on_success", "on_failure", "should_retry")
_ENDLESS = 1000
"""Attempts after which a policy without end is taken for a mistake in the test."""


@dataclass
class ConsumerRun(Generic[R]):
    """What became of a consumer under test."""

    result: R | None = None
    """What ``process`` returned in the end."""
    error: Exception | None = None
    """The exception of the last attempt; None if it succeeded."""
    errors: list[Exception] = field(default_factory=list)
    """The exception of every attempt that failed, in order."""
    attempts: int = 0
    delays: list[timedelta] = field(default_factory=list)
    """The waits between attempts, which were skipped; one more if the run was cut short by ``attempts``."""
    hooks: list[str] = field(default_factory=list)
    """The hooks that the consumer has and that were called, by name, in order."""
    progress: list[Any] = field(default_factory=list)
    """What was given to ``current_job().heartbeat``."""
    sent: list[SentMessage] = field(default_factory=list)
    """What was sent with ``current_job().send`` or ``gnosari_temporal.blocking``, once for each id."""
    cancelled: bool = False
    """It was cancelled by ``cancel_after`` and gave in."""

    @property
    def succeeded(self) -> bool:
        """Whether it returned a result in the end."""
        return self.error is None and not self.cancelled


def run_consumer(
    consumer: type[BaseConsumer[M, R]] | BaseConsumer[M, R],
    message: M,
    *,
    attempts: Literal["all"] | int = "all",
    resources: Mapping[str, Any] | None = None,
    options: SendOptions | None = None,
    replies: Replies | None = None,
    cancel_after: timedelta | float | None = None,
) -> ConsumerRun[R]:
    """Run a consumer on a message as a worker would, without a server and without waiting between attempts.

    The message goes through JSON as it does on its way to a worker. Timeouts are real.

    Args:
        consumer: The class, of which every attempt gets a new instance, or an instance.
        message: The message; its ``retry_count`` is counted from 0.
        attempts: ``"all"``: until it succeeds or is given up, or at most this many.
        resources: What the application's lifespan would open: arguments of ``__init__`` by name.
        options: ``retry``, ``timeout`` and ``queue`` as if given to ``send``.
        replies: Results of the messages that it sends, by their type, if it waits for them.
        cancel_after: Cancel the job while the first attempt has run for this long, in seconds as a number.

    Raises:
        DefinitionError: it is no consumer, or ``__init__`` needs what is not among the resources.
        InvalidMessage, MessageTooLarge: ``send`` would refuse the message.
        EventLoopRunning: an event loop runs here: await ``run_consumer_async``.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(
            run_consumer_async(
                consumer,
                message,
                attempts=attempts,
                resources=resources,
                options=options,
                replies=replies,
                cancel_after=cancel_after,
            )
        )
    raise EventLoopRunning("in an async test write `await run_consumer_async(...)` for run_consumer")


async def run_consumer_async(
    consumer: type[BaseConsumer[M, R]] | BaseConsumer[M, R],
    message: M,
    *,
    attempts: Literal["all"] | int = "all",
    resources: Mapping[str, Any] | None = None,
    options: SendOptions | None = None,
    replies: Replies | None = None,
    cancel_after: timedelta | float | None = None,
) -> ConsumerRun[R]:
    """``run_consumer`` for async tests."""
    run: _Run[R] = _Run(consumer, message, dict(resources or {}), options or SendOptions(), Outbox(replies))
    with ThreadPoolExecutor(thread_name_prefix="gnosari-consumer") as executor:
        await run.go(executor, attempts, cancel_after)
    return run.outcome


class _Run(Generic[R]):
    """One job of a consumer under test."""

    def __init__(
        self,
        consumer: type[BaseConsumer[Any, R]] | BaseConsumer[Any, R],
        message: BaseMessage,
        resources: dict[str, Any],
        options: SendOptions,
        outbox: Outbox,
    ) -> None:
        self.consumer = consumer
        self.consumer_type = consumer if isinstance(consumer, type) else type(consumer)
        if not issubclass(self.consumer_type, BaseConsumer):
            raise DefinitionError(f"{consumer!r} is no consumer: subclass BaseConsumer")
        policy = ConsumerPolicy.of(self.consumer_type)
        self.message = _over_the_wire(message, message_type_of(self.consumer_type))
        self.retry = options.retry or policy.retry or RetrySpec.of_message(self.message)
        self.timeout = options.timeout or policy.timeout
        self.queue = options.queue or policy.queue or DEFAULT_QUEUE
        self.resources = resources
        self.outbox = outbox
        self.outcome: ConsumerRun[R] = ConsumerRun(sent=outbox.sent)

    async def go(
        self, executor: ThreadPoolExecutor, attempts: Literal["all"] | int, cancel_after: timedelta | float | None
    ) -> None:
        outcome = self.outcome
        while attempts == "all" or outcome.attempts < attempts:
            if outcome.attempts >= _ENDLESS:
                raise GnosariError(f"{outcome.attempts} attempts and no end: give run_consumer attempts=N")
            try:
                outcome.result = await self._attempt(executor, cancel_after if not outcome.attempts else None)
                outcome.error = None
                return
            except AttemptFailed as failed:
                outcome.error = failed.exception
                outcome.errors.append(failed.exception)
                if failed.retry_delay is None:
                    return
                outcome.delays.append(failed.retry_delay)
            except asyncio.CancelledError:
                if cancel_after is None:
                    raise
                outcome.cancelled = True
                return

    async def _attempt(self, executor: ThreadPoolExecutor, cancel_after: timedelta | float | None) -> R:
        failures = self.outcome.attempts
        self.outcome.attempts += 1
        message = self.message.model_copy(update={"retry_count": failures}, deep=True)
        consumer = self._made()
        attempt = asyncio.ensure_future(
            run_attempt(consumer, message, self._job(message), timeout=self.timeout, executor=executor)
        )
        if cancel_after is not None:
            seconds = cancel_after.total_seconds() if isinstance(cancel_after, timedelta) else cancel_after
            asyncio.get_running_loop().call_later(seconds, attempt.cancel)
        with self._watching(consumer):
            try:
                result: R = await attempt
                return result
            finally:
                attempt.cancel()

    def _made(self) -> BaseConsumer[Any, R]:
        if isinstance(self.consumer, BaseConsumer):
            return self.consumer
        return Application(Registry()).make_consumer(self.consumer, self.resources)

    def _job(self, message: BaseMessage) -> JobContext:
        loop = asyncio.get_running_loop()
        id = job_id(type(message).__name__, message.message_id)
        sends = 0

        async def send(message: BaseMessage, **options: Any) -> Any:
            nonlocal sends
            sends += 1
            derived = derived_message_id(id, f"1.{sends}")
            return await self.outbox.send(message, **{"message_id": derived, **options})

        thread = threading.get_ident()

        def send_blocking(message: BaseMessage, **options: Any) -> Any:
            if threading.get_ident() == thread:
                raise EventLoopRunning(BLOCKS_THE_LOOP)
            return asyncio.run_coroutine_threadsafe(send(message, **options), loop).result()

        def submit(use: Callable[[Any], Awaitable[Any]]) -> Future[Any]:
            async def with_outbox() -> Any:
                return await use(self.outbox)

            return asyncio.run_coroutine_threadsafe(with_outbox(), loop)

        attempt = self.outcome.attempts
        return JobContext(
            id=id,
            message=message,
            attempt=attempt,
            deadline=datetime.now(UTC) + self.timeout,
            queue=self.queue,
            logger=logging.LoggerAdapter(consumer_logger, {"job": id, "attempt": attempt}),
            retry=self.retry,
            resources=self.resources,
            idempotency_key=f"{id}#1",
            last_progress=self.outcome.progress[-1] if self.outcome.progress else None,
            submit=submit,
            _heartbeat=self._report,
            _send=send,
            _send_blocking=send_blocking,
        )

    def _report(self, progress: Any) -> None:
        check_progress(progress, self.consumer_type.__name__)
        self.outcome.progress.append(progress)

    @contextmanager
    def _watching(self, consumer: BaseConsumer[Any, R]) -> Iterator[None]:
        hooks = {name: getattr(consumer, name) for name in _HOOKS}
        own = {name: hook for name, hook in hooks.items() if hook.__func__ is not getattr(BaseConsumer, name)}
        for name, hook in own.items():
            object.__setattr__(consumer, name, _watched(hook, self.outcome.hooks))
        try:
            yield
        finally:
            for name in own:
                object.__delattr__(consumer, name)


def _watched(hook: Callable[..., Any], called: list[str]) -> Callable[..., Any]:
    """The hook with a note of every call, async if it is."""
    if inspect.iscoroutinefunction(hook):

        @functools.wraps(hook)
        async def watched_async(*args: Any) -> Any:
            called.append(hook.__name__)
            return await hook(*args)

        return watched_async

    @functools.wraps(hook)
    def watched(*args: Any) -> Any:
        called.append(hook.__name__)
        return hook(*args)

    return watched


def _over_the_wire(message: BaseMessage, message_type: type[BaseMessage]) -> BaseMessage:
    """The message as a worker reads it."""
    if not isinstance(message, message_type):
        raise InvalidMessage(f"the consumer processes {message_type.__name__}, not {type(message).__name__}")
    check_message(message)
    converter = data_converter.payload_converter
    read: BaseMessage = converter.from_payload(converter.to_payload(message), message_type)
    return read
