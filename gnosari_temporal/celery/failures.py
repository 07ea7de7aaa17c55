"""Exceptions on their way from the worker to who asks for the result."""

from __future__ import annotations

import builtins
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import GnosariError, InvalidMessage, JobCancelled, JobError, JobExpired, JobFailed, JobLost
from . import exceptions
from .values import decode, encode

EXCEPTION = "exception"
"""Key of an exception's description among the details of a failure."""
REVOKED_TYPE = "TaskRevokedError"
CHORD_TYPE = "ChordError"
LOST_TYPE = "WorkerLostError"

_SHIM = Path(__file__).parent
_LENGTH = 16_000


class RemoteTraceback(Exception):
    """The traceback of the worker, as the cause of an exception that is raised where the result is asked for."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


class ExceptionInfo:
    """An exception with its traceback as text: the ``einfo`` of Celery's hooks."""

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception
        self.type = type(exception)
        self.tb = exception.__traceback__
        self.traceback = own_traceback(exception)
        self.internal = False

    def __str__(self) -> str:
        return self.traceback

    def __repr__(self) -> str:
        return f"<ExceptionInfo: {self.exception!r}>"


def own_traceback(exception: BaseException) -> str:
    """The traceback from the task's code on."""
    start = frame = exception.__traceback__
    while frame is not None:
        if Path(frame.tb_frame.f_code.co_filename).is_relative_to(_SHIM):
            start = frame.tb_next or start
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(exception), exception, start))[-_LENGTH:]


def describe(exception: BaseException) -> dict[str, Any]:
    """What is needed to make the exception again, as plain JSON data."""
    arguments = []
    for argument in exception.args:
        try:
            arguments.append(encode(argument))
        except InvalidMessage:
            arguments.append(repr(argument))
    kind = type(exception)
    return {"module": kind.__module__, "type": kind.__qualname__, "args": arguments}


def rebuild(described: dict[str, Any]) -> BaseException:
    """The exception: of its own class where that is loaded in this process, else of a class of the same name.

    A module is never imported for it: what it names came over the wire.
    """
    module, name = str(described.get("module", "")), str(described.get("type", "Exception"))
    arguments = [decode(argument) for argument in described.get("args", ())]
    kind = _class_of(module, name)
    try:
        return kind(*arguments)
    except Exception:  # noqa: BLE001  (a class whose __init__ wants other things than its args)
        made = kind.__new__(kind)
        made.args = tuple(arguments)
        return made


def _class_of(module: str, name: str) -> type[BaseException]:
    found: Any = builtins if module == "builtins" else sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, BaseException):
        return found
    return _made(name.rsplit(".", 1)[-1], module)


_classes: dict[tuple[str, str], type[BaseException]] = {}


def _made(name: str, module: str) -> type[BaseException]:
    """A class of this name, the same one each time."""
    return _classes.setdefault((module, name), type(name, (Exception,), {"__module__": module}))


def exception_of(error: JobError) -> tuple[BaseException, str | None]:
    """What ``get`` raises for a job that did not succeed, and the worker's traceback."""
    if isinstance(error, JobExpired):
        return exceptions.TaskRevokedError("expired"), None
    if isinstance(error, JobCancelled):
        return exceptions.TaskRevokedError("revoked"), None
    if isinstance(error, JobLost):
        return exceptions.WorkerLostError(error.exception_message or str(error)), error.remote_traceback or None
    if not isinstance(error, JobFailed):
        return error, None
    details = error.details[0] if error.details and isinstance(error.details[0], dict) else {}
    text, trace = error.exception_message, error.remote_traceback or None
    if isinstance(details.get(EXCEPTION), dict):
        return rebuild(details[EXCEPTION]), trace
    if error.exception_type == REVOKED_TYPE:
        return exceptions.TaskRevokedError(text), None
    if error.exception_type == CHORD_TYPE:
        return exceptions.ChordError(text), trace
    if error.exception_type in ("ConsumerTimeout", "TimeoutError"):
        return exceptions.TimeLimitExceeded(text), trace
    own = getattr(exceptions, error.exception_type, None) or getattr(builtins, error.exception_type, None)
    if isinstance(own, type) and issubclass(own, Exception):
        return own(text), trace
    found = _of_the_engine(error.exception_type)
    return (found(text) if found else _made(error.exception_type or "Exception", "builtins")(text)), trace


def _of_the_engine(name: str) -> type[GnosariError] | None:
    from .. import errors

    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, GnosariError) else None


def with_remote_traceback(exception: BaseException, trace: str | None) -> BaseException:
    """The exception with the worker's traceback as its cause."""
    if trace and exception.__cause__ is None:
        exception.__cause__ = RemoteTraceback(trace)
    return exception


def raised_at(exception: BaseException) -> TracebackType | None:
    """Where it was raised, in this process."""
    return exception.__traceback__
