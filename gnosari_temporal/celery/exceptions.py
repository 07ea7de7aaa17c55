"""Celery's exceptions. Where Celery is installed each is derived from the one of the same name there too, so that code
that imports the real ones catches ours."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
from datetime import datetime
from typing import Any

from ..errors import GnosariError


def _real_exceptions() -> Any:
    if importlib.util.find_spec("celery") is None:
        return None
    try:
        return importlib.import_module("celery.exceptions")
    except Exception:  # noqa: BLE001  (an installation that is broken must not break ours)
        return None


_REAL = _real_exceptions()


class _Nothing(Exception):
    """Stands where Celery is not installed."""


def _real(name: str) -> Any:
    found = getattr(_REAL, name, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else _Nothing


class CeleryError(GnosariError, _real("CeleryError")):  # type: ignore[misc]
    """Base class of the exceptions of the Celery-shaped shim."""

    def __init__(self, *args: Any) -> None:
        Exception.__init__(self, *args)

    def __str__(self) -> str:
        return Exception.__str__(self)


class ImproperlyConfigured(CeleryError, _real("ImproperlyConfigured")):  # type: ignore[misc]
    """The app's configuration cannot work here."""


class NotSupported(CeleryError, TypeError):
    """An option or attribute of Celery's that has no counterpart here."""


class NotRegistered(CeleryError, _real("NotRegistered"), KeyError):  # type: ignore[misc]
    """The app has no task of this name."""


class AlreadyRegistered(CeleryError, _real("AlreadyRegistered")):  # type: ignore[misc]
    """Another task has the name."""


class TimeoutError(CeleryError, _real("TimeoutError"), builtins.TimeoutError):  # type: ignore[misc]
    """The call was not finished in time; it goes on."""


class IncompleteStream(CeleryError, _real("IncompleteStream")):  # type: ignore[misc]
    """Kept for its name; nothing raises it."""


class TaskError(CeleryError, _real("TaskError")):  # type: ignore[misc]
    """What became of a call."""


class TaskRevokedError(TaskError, _real("TaskRevokedError")):  # type: ignore[misc]
    """The call was revoked, or expired before it started."""


class InvalidTaskError(TaskError, _real("InvalidTaskError")):  # type: ignore[misc]
    """The call's data is wrong."""


class ChordError(TaskError, _real("ChordError")):  # type: ignore[misc]
    """A call of a chord's header failed."""


class MaxRetriesExceededError(TaskError, _real("MaxRetriesExceededError")):  # type: ignore[misc]
    """The task asked for another try and had no more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.task_args = kwargs.pop("task_args", [])
        self.task_kwargs = kwargs.pop("task_kwargs", {})
        Exception.__init__(self, *args)


class TaskPredicate(CeleryError, _real("TaskPredicate")):  # type: ignore[misc]
    """Raised by a task to say what is to become of it."""


class Retry(TaskPredicate, _real("Retry")):  # type: ignore[misc]
    """The task is to be run again: what ``self.retry()`` raises."""

    message: str | None = None
    exc: BaseException | None = None
    excs: str | None = None
    when: float | datetime | None = None
    """Seconds from now, or the time of the next attempt."""
    is_eager: bool = False
    sig: Any = None

    def __init__(
        self,
        message: str | None = None,
        exc: BaseException | str | None = None,
        when: float | datetime | None = None,
        is_eager: bool = False,
        sig: Any = None,
        **kwargs: Any,
    ) -> None:
        Exception.__init__(self, message, exc, when)
        self.message = message
        if isinstance(exc, str):
            self.exc, self.excs = None, exc
        else:
            self.exc, self.excs = exc, repr(exc) if exc is not None else None
        self.when = when
        self.is_eager = is_eager
        self.sig = sig

    def humanize(self) -> str:
        """``in 3s``, or ``at`` a time."""
        return f"at {self.when}" if isinstance(self.when, datetime) else f"in {self.when or 0}s"

    def __str__(self) -> str:
        if self.message:
            return self.message
        return f"Retry {self.humanize()}" + (f": {self.excs}" if self.excs else "")


class Ignore(TaskPredicate, _real("Ignore")):  # type: ignore[misc]
    """The call ends without a result; its state stays what ``update_state`` made of it."""


class SoftTimeLimitExceeded(GnosariError, _real("SoftTimeLimitExceeded")):  # type: ignore[misc]
    """The soft time limit of the task has passed; raised in its body."""

    def __init__(self, *args: Any) -> None:
        Exception.__init__(self, *args)

    def __str__(self) -> str:
        return "SoftTimeLimitExceeded()" if not self.args else f"SoftTimeLimitExceeded{self.args!r}"


class TimeLimitExceeded(GnosariError, _real("TimeLimitExceeded")):  # type: ignore[misc]
    """The hard time limit of the task has passed."""

    def __init__(self, *args: Any) -> None:
        Exception.__init__(self, *args)

    def __str__(self) -> str:
        return Exception.__str__(self)


class WorkerLostError(GnosariError, _real("WorkerLostError")):  # type: ignore[misc]
    """The worker of the task died while it ran."""

    def __init__(self, *args: Any) -> None:
        Exception.__init__(self, *args)

    def __str__(self) -> str:
        return Exception.__str__(self)


__all__ = [
    "AlreadyRegistered",
    "CeleryError",
    "ChordError",
    "Ignore",
    "ImproperlyConfigured",
    "IncompleteStream",
    "InvalidTaskError",
    "MaxRetriesExceededError",
    "NotRegistered",
    "NotSupported",
    "Retry",
    "SoftTimeLimitExceeded",
    "TaskError",
    "TaskPredicate",
    "TaskRevokedError",
    "TimeLimitExceeded",
    "TimeoutError",
    "WorkerLostError",
]
