"""The consumer: the code that processes messages of one type, and the job it runs in."""

from __future__ import annotations

import logging
import typing
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Generic, Protocol

from typing_extensions import TypeVar

from .errors import DefinitionError, GnosariError
from .messages import BaseMessage
from .retry import RetrySpec

DEFAULT_TIMEOUT = timedelta(minutes=15)
DEFAULT_HEARTBEAT_TIMEOUT = timedelta(seconds=10)

M = TypeVar("M", bound=BaseMessage, default=Any)
R = TypeVar("R", default=Any)

logger = logging.getLogger("gnosari_temporal.consumer")


class BaseConsumer(ABC, Generic[M, R]):
    """Base class of all consumers: subclass it and write ``process``.

    ``process`` and the hooks may be ``async def`` or plain; plain ones run in a thread. A new instance is made for
    every attempt, so keep nothing on ``self``; shared resources are arguments of ``__init__`` and come from the
    application's lifespan, by name. The message type is read from the annotation of ``process``, else from
    ``BaseConsumer[Message, Result]``, else from ``message_type``.
    """

    message_type: ClassVar[type[BaseMessage] | None] = None
    queue: ClassVar[str | None] = None
    """Queue of the jobs; None: a route of the settings, else the default queue."""
    retry: ClassVar[RetrySpec | None] = None
    """Retry policy; None: ``max_retries`` of the message, after 2, 4, 8 … seconds."""
    timeout: ClassVar[timedelta | float | None] = None
    """One attempt, a plain number is seconds; None: the ``time_limit`` setting, else ``default_timeout``."""
    default_timeout: ClassVar[timedelta] = DEFAULT_TIMEOUT
    """One attempt where neither the consumer nor the settings say: 15 minutes."""
    heartbeat_timeout: ClassVar[timedelta | float] = DEFAULT_HEARTBEAT_TIMEOUT
    """After how long without a sign of life an attempt counts as lost; the engine heartbeats by itself."""
    schedule_to_close: ClassVar[timedelta | float | None] = None
    """All attempts and waits together; None: without limit."""

    @property
    def name(self) -> str:
        """Name of the consumer, and of its activity type in Temporal."""
        return type(self).__name__

    @abstractmethod
    def process(self, message: M) -> R | Awaitable[R]:
        """Do the work and return a result that JSON can hold. An exception is a failed attempt."""

    def on_success(self, result: R, message: M) -> Any:
        """Called after ``process`` succeeded. An exception here is logged and changes nothing."""

    def on_failure(self, exc: Exception, message: M) -> Any:
        """Called after every failed attempt, before ``should_retry``. An exception here is logged only."""

    def should_retry(self, exc: Exception, message: M) -> bool | Awaitable[bool]:
        """Whether to try again; an override can only stop earlier than the retry policy does."""
        return policy_in_force(type(self), message).allows(message.retry_count + 1)


class SentJob(Protocol):
    """A job that was sent: what ``current_job().send`` gives."""

    @property
    def id(self) -> str:
        """The job's id."""
        ...

    async def result(self, timeout: timedelta | float | None = None) -> Any:
        """Wait for its result."""
        ...


@dataclass
class JobContext:
    """The job that is being processed: what ``current_job()`` gives."""

    id: str
    """The job's id, which is its workflow id."""
    message: BaseMessage
    attempt: int
    """1 for the first; counts the consumer's failures, not attempts lost with a worker."""
    deadline: datetime | None
    """When this attempt times out."""
    queue: str
    logger: logging.LoggerAdapter[logging.Logger]
    """Logger whose lines carry job and attempt."""
    retry: RetrySpec
    """The retry policy in force."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    """What the application's lifespan opened, by name."""
    idempotency_key: str = ""
    """The same on every attempt of this job, and of no other."""
    last_progress: Any = None
    """What the previous attempt gave to ``heartbeat``, if any."""
    state: MutableMapping[str, Any] = field(default_factory=dict)
    """Room for layers above the engine; lives as long as the attempt."""
    submit: Callable[[Callable[[Any], Awaitable[Any]]], Future[Any]] | None = None
    """Runs an async function with the worker's client on the worker's loop; for layers above the engine."""
    _heartbeat: Callable[[Any], None] | None = None
    _send: Callable[..., Awaitable[SentJob]] | None = None
    _send_blocking: Callable[..., SentJob] | None = None

    def heartbeat(self, progress: Any = None) -> None:
        """Report progress (plain JSON data), seen in ``job show`` and the Web UI. From any thread.

        Raises:
            DefinitionError, ResultTooLarge: it cannot travel to the server.
        """
        if self._heartbeat is not None:
            self._heartbeat(progress)

    async def send(self, message: BaseMessage, **options: Any) -> SentJob:
        """Send another message from within ``process``.

        Its id derives from this job and the number of the call, whatever its own is, so an attempt that is repeated
        does not send twice: send in the same order on every attempt. ``options`` are those of ``GnosariClient.send``;
        with ``message_id`` among them the message has that id.
        """
        if self._send is None:
            raise GnosariError("this job context has no client to send with")
        return await self._send(message, **options)

    def send_blocking(self, message: BaseMessage, **options: Any) -> SentJob:
        """``send`` for a ``process`` that is not async.

        Raises:
            EventLoopRunning: it is async, and its worker would stand still for ever.
        """
        if self._send_blocking is None:
            raise GnosariError("this job context has no client to send with")
        return self._send_blocking(message, **options)


_current: ContextVar[JobContext] = ContextVar("gnosari_current_job")


def current_job() -> JobContext:
    """The job that the calling code runs in.

    Raises:
        GnosariError: called outside ``process`` and the hooks of a consumer.
    """
    try:
        return _current.get()
    except LookupError:
        raise GnosariError("current_job() works inside process() and the hooks of a consumer only") from None


def in_job() -> bool:
    """Whether the calling code runs inside a job."""
    return _current.get(None) is not None


def enter_job(job: JobContext) -> None:
    """Make this the current job of the calling task or thread; for the engine."""
    _current.set(job)


def policy_in_force(consumer: type[BaseConsumer[Any, Any]], message: BaseMessage) -> RetrySpec:
    """The retry policy of a job: of the send, else of the consumer, else of the message."""
    job = _current.get(None)
    if job is not None and job.message.message_id == message.message_id:
        return job.retry
    return consumer.retry or RetrySpec.of_message(message)


@lru_cache(maxsize=1024)
def message_type_of(consumer: type[BaseConsumer[Any, Any]]) -> type[BaseMessage]:
    """The message type that a consumer serves.

    Raises:
        DefinitionError: it cannot be told from ``process``, the base class or ``message_type``.
    """
    if consumer.message_type is not None:
        return consumer.message_type
    try:
        hints = typing.get_type_hints(consumer.process)
    except (NameError, TypeError):
        hints = {}
    candidates = [hint for name, hint in hints.items() if name != "return"]
    for base in consumer.__mro__:
        for generic in _bases(base):
            candidates.extend(typing.get_args(generic)[:1])
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseMessage) and candidate is not BaseMessage:
            return candidate
    raise DefinitionError(
        f"{consumer.__name__}: which message does it process? Annotate process(self, message: YourMessage), "
        "or set message_type = YourMessage"
    )


def result_type_of(consumer: type[BaseConsumer[Any, Any]]) -> Any:
    """The type of a consumer's results, by the annotation of ``process``, else by the base class; None: not said."""
    try:
        hint = typing.get_type_hints(consumer.process).get("return")
    except (NameError, TypeError):
        hint = None
    if hint is None or isinstance(hint, typing.TypeVar) or consumer.process is BaseConsumer.process:
        arguments = [typing.get_args(generic) for base in consumer.__mro__ for generic in _bases(base)]
        hint = next((found[1] for found in arguments if len(found) > 1), None)
    return None if isinstance(hint, typing.TypeVar) or hint in (Any, type(None)) else hint


def _bases(base: type) -> tuple[Any, ...]:
    return typing.cast("tuple[Any, ...]", getattr(base, "__orig_bases__", ()))


def duration(value: timedelta | float | None) -> timedelta | None:
    """A declared duration: a plain number is seconds."""
    return value if value is None or isinstance(value, timedelta) else timedelta(seconds=value)
