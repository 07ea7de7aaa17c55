"""Which consumer serves which message, under which workflow: an object, never a global."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .consumers import DEFAULT_HEARTBEAT_TIMEOUT, BaseConsumer, duration, message_type_of
from .errors import RegistryError, UnknownConsumer, UnknownMessageType
from .messages import BaseMessage
from .retry import RetrySpec

_PARTS = "__gnosari_parts__"


@dataclass(frozen=True)
class Parts:
    """What an object brings to a worker: an app or a task of the Celery-shaped shim, say."""

    consumers: tuple[type[BaseConsumer[Any, Any]], ...] = ()
    workflows: tuple[type, ...] = ()
    queues: tuple[str, ...] = ()
    """Queues that the worker serves by default, beside those that consumers declare."""


def brings_parts(item: object) -> bool:
    """Whether an object brings parts: its class has a method ``__gnosari_parts__`` that gives them."""
    return callable(getattr(type(item), _PARTS, None))


def parts_of(item: object) -> Parts:
    """The parts that an object brings; making them may import the modules that hold them."""
    found = getattr(type(item), _PARTS)(item)
    assert isinstance(found, Parts)
    return found


@dataclass(frozen=True)
class ConsumerPolicy:
    """What a consumer declares, with the defaults filled in."""

    consumer: str
    message_type: str
    queue: str | None
    retry: RetrySpec | None
    timeout: timedelta
    heartbeat_timeout: timedelta
    schedule_to_close: timedelta | None

    @classmethod
    def of(cls, consumer: type[BaseConsumer[Any, Any]], time_limit: timedelta | None = None) -> ConsumerPolicy:
        """The policy of a consumer; ``time_limit`` is the timeout of one that declares none."""
        message_type = message_type_of(consumer)
        return cls(
            consumer=consumer.__name__,
            message_type=message_type.__name__,
            queue=consumer.queue or message_type.default_queue,
            retry=consumer.retry,
            timeout=duration(consumer.timeout) or time_limit or consumer.default_timeout,
            heartbeat_timeout=duration(consumer.heartbeat_timeout) or DEFAULT_HEARTBEAT_TIMEOUT,
            schedule_to_close=duration(consumer.schedule_to_close),
        )


class Registry:
    """Message types, their workflows and their consumers, by name."""

    def __init__(self, *, time_limit: timedelta | None = None) -> None:
        self._time_limit = time_limit
        self._message_types: dict[str, type[BaseMessage]] = {}
        self._workflows: dict[str, type] = {}
        self._consumers: dict[str, type[BaseConsumer[Any, Any]]] = {}
        self._policies: dict[str, ConsumerPolicy] = {}

    def add_message_type(self, message_type: type[BaseMessage]) -> None:
        """Register a message type.

        Raises:
            RegistryError: another class has its name.
        """
        self._put(self._message_types, message_type.__name__, message_type, "message types")

    def add_workflow(self, name: str, workflow: type) -> None:
        """Register a workflow class under its workflow type's name.

        Raises:
            RegistryError: another class has the name.
        """
        self._put(self._workflows, name, workflow, "workflows")

    def add_consumer(self, consumer: type[BaseConsumer[Any, Any]]) -> None:
        """Register a consumer and its message type.

        Raises:
            RegistryError: the message type has another consumer, another class has the name, or the consumer
                and its message name different queues.
            DefinitionError: its message type cannot be told.
        """
        policy = ConsumerPolicy.of(consumer, self._time_limit)
        message_type = message_type_of(consumer)
        if consumer.queue and message_type.default_queue and consumer.queue != message_type.default_queue:
            raise RegistryError(
                f"{consumer.__name__} names queue {consumer.queue!r}, its message {message_type.__name__} names "
                f"{message_type.default_queue!r}: keep one of them"
            )
        other = self._policies.get(message_type.__name__)
        if other is not None and self._consumers[other.consumer] is not consumer:
            raise RegistryError(
                f"{message_type.__name__} has two consumers, {other.consumer} and {consumer.__name__}: "
                "a message type has one"
            )
        self.add_message_type(message_type)
        self._put(self._consumers, consumer.__name__, consumer, "consumers")
        self._policies[message_type.__name__] = policy

    @staticmethod
    def _put(table: dict[str, Any], name: str, item: type, kind: str) -> None:
        other = table.setdefault(name, item)
        if other is not item:
            raise RegistryError(
                f"two {kind} are named {name}: {other.__module__} and {item.__module__}. The name is the identity "
                "in Temporal: rename one"
            )

    def message_type(self, name: str) -> type[BaseMessage]:
        """The message type of this name.

        Raises:
            UnknownMessageType: there is none; the error says which are close.
        """
        try:
            return self._message_types[name]
        except KeyError:
            raise UnknownMessageType(f"unknown message type {name!r}{_suggestion(name, self._message_types)}") from None

    def consumer(self, name: str) -> type[BaseConsumer[Any, Any]]:
        """The consumer class of this name.

        Raises:
            UnknownConsumer: there is none.
        """
        try:
            return self._consumers[name]
        except KeyError:
            raise UnknownConsumer(f"unknown consumer {name!r}{_suggestion(name, self._consumers)}") from None

    def policy(self, message_type: str) -> ConsumerPolicy:
        """The policy of the consumer of a message type.

        Raises:
            UnknownConsumer: no consumer serves it.
        """
        try:
            return self._policies[message_type]
        except KeyError:
            raise UnknownConsumer(
                f"no consumer for {message_type!r}{_suggestion(message_type, self._policies)}"
            ) from None

    def declared_queue(self, message_type: type[BaseMessage]) -> str | None:
        """The queue that the consumer or the message type names, if any."""
        policy = self._policies.get(message_type.__name__)
        return policy.queue if policy else message_type.default_queue

    def declared_queues(self) -> set[str]:
        """Every queue that a consumer or message type names."""
        named = {policy.queue for policy in self._policies.values()}
        named |= {message_type.default_queue for message_type in self._message_types.values()}
        return {queue for queue in named if queue}

    def has_workflow(self, name: str) -> bool:
        """Whether a workflow type of this name is registered."""
        return name in self._workflows

    def has_own_workflow(self, name: str) -> bool:
        """Whether the message type of this name has a workflow that the application wrote."""
        return name in self._workflows and getattr(self._workflows[name], "message_type", None) is None

    @property
    def message_types(self) -> dict[str, type[BaseMessage]]:
        """All message types by name."""
        return dict(self._message_types)

    @property
    def workflows(self) -> dict[str, type]:
        """All workflow classes by workflow type."""
        return dict(self._workflows)

    @property
    def consumers(self) -> dict[str, type[BaseConsumer[Any, Any]]]:
        """All consumer classes by name."""
        return dict(self._consumers)

    def __iter__(self) -> Iterator[ConsumerPolicy]:
        return iter(self._policies.values())


def _suggestion(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f": did you mean {close[0]!r}?"
    return f": known are {', '.join(names)}" if names else ": none is registered"
