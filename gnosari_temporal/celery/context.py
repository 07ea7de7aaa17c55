"""The request of a call: what a bound task sees as ``self.request``, and which task runs here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .exceptions import NotSupported

if TYPE_CHECKING:
    from .task_base import TaskBase
    from .wire import NextTry


class Context:
    """What a task knows of its call."""

    id: str | None = None
    task: str | None = None
    args: Any = None
    kwargs: Any = None
    retries: int = 0
    """How often it was tried before."""
    is_eager: bool = False
    called_directly: bool = True
    delivery_info: dict[str, Any] | None = None
    root_id: str | None = None
    parent_id: str | None = None
    group: str | None = None
    hostname: str | None = None
    headers: dict[str, Any]
    eta: datetime | None = None
    expires: datetime | None = None
    timelimit: tuple[float | None, float | None] = (None, None)
    ignore_result: bool = False
    properties: dict[str, Any]
    idempotency_key: str = ""
    """The same on every attempt of the call, and of no other; not one of Celery's."""

    def __init__(self, **values: Any) -> None:
        self.headers = {}
        self.properties = {}
        self.children_ids: list[str] = []
        """Ids of the calls that it sent."""
        self.wanted: NextTry | None = None
        """What ``retry`` asked for."""
        self.given: dict[str, Any] = {}
        """``args`` and ``kwargs`` as they came, as plain JSON data."""
        self.state: tuple[str, Any] | None = None
        """What ``update_state`` set last."""
        self.heartbeat: Any = None
        self.entering = False
        """The body is about to be called, by a ``__call__`` of the task's own."""
        self.update(**values)

    @property
    def correlation_id(self) -> str | None:
        """The call's id."""
        return self.id

    @property
    def children(self) -> list[Any]:
        """Handles of the calls that it sent."""
        from .result import AsyncResult

        return [AsyncResult(id) for id in self.children_ids]

    def get(self, key: str, default: Any = None) -> Any:
        """An attribute by name."""
        return getattr(self, key, default)

    def update(self, *mappings: Any, **values: Any) -> None:
        """Set attributes."""
        for mapping in (*mappings, values):
            self.__dict__.update(mapping)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotSupportedAttribute(
            f"self.request has no {name!r} here: what the body needs goes into an argument or headers="
        )

    def __repr__(self) -> str:
        return f"<Context: {self.__dict__!r}>"


class NotSupportedAttribute(NotSupported, AttributeError):
    """An attribute of Celery's objects that has no counterpart here."""


_running: ContextVar[tuple[tuple[TaskBase, Context], ...]] = ContextVar("gnosari_celery_running", default=())


@contextmanager
def running(task: TaskBase, request: Context) -> Iterator[Context]:
    """Make this the call that runs in this thread or coroutine."""
    token = _running.set((*_running.get(), (task, request)))
    try:
        yield request
    finally:
        _running.reset(token)


def request_of(task: TaskBase) -> Context | None:
    """The call of this task that runs here, if one does."""
    for running_task, request in reversed(_running.get()):
        if running_task is task:
            return request
    return None


def current() -> tuple[TaskBase, Context] | None:
    """The task that runs here with its call."""
    stack = _running.get()
    return stack[-1] if stack else None


def current_request() -> Context | None:
    """The call that runs here."""
    found = current()
    return found[1] if found else None
