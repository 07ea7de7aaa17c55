"""Failures: how a consumer's exception travels, and what it becomes for who waits for the job."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydantic
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    TerminatedError,
    TimeoutError,
    TimeoutType,
)

from ..errors import GnosariError, JobCancelled, JobError, JobExpired, JobFailed, JobLost

WORKFLOW_FAILURE_TYPES: tuple[type[BaseException], ...] = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    pydantic.ValidationError,
    GnosariError,
)
"""What fails a workflow. Never ``Exception``: it includes the nondeterminism error, and a bad deploy would then
fail running jobs instead of leaving them to the next one."""

_ENGINE = Path(__file__).parent
_LONGEST_TEXT = 16_000

EXPIRED_TYPE = "JobExpired"
LOST_TYPE = "JobLost"
_HANDED_BACK_TYPES = frozenset({"WorkerShutdown", "ActivityPause", "ActivityReset"})
"""Under which the SDK reports an attempt that was stopped, but not because its job was cancelled."""
CANCELLED_BEFORE_START = "cancelled before its start"
"""Reason of the termination of a job that had not started."""


class StandIn(Exception):
    """Raised by a consumer of a layer above the engine in place of an exception that it caught: it says itself under
    which ``type`` it travels, with which ``details``; a ``traceback`` among them wins over its own."""

    def __init__(self, message: str, *, type: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.type = type
        self.details = dict(details)


def failure_type(exception: BaseException) -> str:
    """The type under which a consumer's exception travels: its class name."""
    return exception.type if isinstance(exception, StandIn) else type(exception).__name__


def consumer_failure(exception: BaseException, *, retry_delay: timedelta | None, attempts: int) -> ApplicationError:
    """A consumer's exception as the failure of its activity; no delay means that it is final."""
    details = exception.details if isinstance(exception, StandIn) else {"traceback": own_traceback(exception)}
    return ApplicationError(
        _cut(str(exception) or failure_type(exception)),
        {"attempts": attempts, **details},
        type=failure_type(exception),
        non_retryable=retry_delay is None,
        next_retry_delay=retry_delay,
    )


def own_traceback(exception: BaseException) -> str:
    """The traceback without the engine's own frames: it starts in the consumer's code."""
    start = frame = exception.__traceback__
    while frame is not None:
        if Path(frame.tb_frame.f_code.co_filename).is_relative_to(_ENGINE):
            start = frame.tb_next or start
        frame = frame.tb_next
    lines = traceback.format_exception(type(exception), exception, start)
    return _cut("".join(lines))


def telling_cause(exception: BaseException) -> BaseException | None:
    """The exception as the cause of its failure, for the Web UI; None if its texts are too long to travel.

    A failure that is larger than the server takes could not be reported, and its job would be taken for lost.
    """
    seen: BaseException | None = exception
    length = 0
    while seen is not None:
        length += len(str(seen))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return exception if length <= _LONGEST_TEXT else None


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2 - 1
    return f"{text[:half]}…{text[-half:]}"


def expired_failure(message: str) -> ApplicationError:
    """The failure of a job that was not started in time."""
    return ApplicationError(message, type=EXPIRED_TYPE, non_retryable=True)


def is_handed_back(failure: BaseException | None) -> bool:
    """Whether it is the end of an attempt that was handed back: neither the consumer's failure nor a loss."""
    # A consumer's own exception, of whatever name, travels with details.
    return isinstance(failure, ApplicationError) and failure.type in _HANDED_BACK_TYPES and not failure.details


def lost_failure(message: str) -> ApplicationError:
    """The failure of a job whose workers died again and again."""
    return ApplicationError(message, type=LOST_TYPE, non_retryable=True)


def member_failure(error: ActivityError | ChildWorkflowError, job_id: str) -> ApplicationError | None:
    """The failure of a group, chain or chord by one of its messages: that of the message, with the id of its job.

    None: the message did not fail by itself (a timeout, a cancellation), and the error says it best.
    """
    cause: BaseException | None = error
    while isinstance(cause, ActivityError | ChildWorkflowError):
        cause = cause.cause
    if not isinstance(cause, ApplicationError):
        return None
    details = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
    return ApplicationError(cause.message, {**details, "job": job_id}, type=cause.type, non_retryable=True)


def to_job_error(failure: BaseException | None, job_id: str) -> JobError:
    """What a workflow's failure is for who waits for the job."""
    cause: BaseException | None = failure
    if isinstance(cause, WorkflowFailureError):
        cause = cause.cause
    while isinstance(cause, ActivityError | ChildWorkflowError) and cause.cause is not None:
        cause = cause.cause
    if isinstance(cause, CancelledError | TerminatedError):
        word = "terminated" if isinstance(cause, TerminatedError) else "cancelled"
        if cause.message == CANCELLED_BEFORE_START:
            word = cause.message
        return JobCancelled(f"job {job_id} was {word}", job_id=job_id)
    if isinstance(cause, TimeoutError):
        return _timed_out(cause, job_id)
    if isinstance(cause, ApplicationError):
        return _application_error(cause, job_id)
    text = str(cause) if cause is not None else "unknown failure"
    return JobFailed(
        f"job {job_id} failed: {text}",
        job_id=job_id,
        exception_type=type(cause).__name__ if cause is not None else "",
        exception_message=text,
        remote_traceback=_stack(cause),
    )


def _application_error(cause: ApplicationError, job_id: str) -> JobError:
    kind = cause.type or "ApplicationError"
    if kind == EXPIRED_TYPE:
        return JobExpired(cause.message, job_id=job_id)
    details = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
    error_class = JobLost if kind == LOST_TYPE else JobFailed
    attempts = details.get("attempts")
    member = f"its message {details['job']} failed" if details.get("job") else ""
    counted = f" after {attempts} attempt{'' if attempts == 1 else 's'}" if attempts else ""
    return error_class(
        f"job {job_id} failed{': ' + member if member else ''}{counted}: {kind}: {cause.message}",
        job_id=job_id,
        exception_type=kind,
        exception_message=cause.message,
        remote_traceback=details.get("traceback") or _stack(cause),
        attempts=attempts,
        details=tuple(cause.details),
    )


def _timed_out(cause: TimeoutError, job_id: str) -> JobError:
    words = {
        TimeoutType.START_TO_CLOSE: "an attempt took longer than its timeout",
        TimeoutType.SCHEDULE_TO_CLOSE: "all attempts together took longer than schedule_to_close",
        TimeoutType.SCHEDULE_TO_START: "no worker took it in time",
        TimeoutType.HEARTBEAT: "its worker gave no sign of life",
    }
    text = words.get(cause.type, cause.message) if cause.type is not None else cause.message
    error_class = JobLost if cause.type is TimeoutType.HEARTBEAT else JobFailed
    return error_class(
        f"job {job_id} failed: {text}", job_id=job_id, exception_type="TimeoutError", exception_message=text
    )


def _stack(cause: BaseException | None) -> str:
    if isinstance(cause, FailureError) and cause.failure is not None:
        return cause.failure.stack_trace
    return "".join(traceback.format_exception(cause)) if cause is not None else ""
