"""Failures: how a consumer's exception travels, and what it is for who waits for the job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    RetryState,
    TerminatedError,
    TimeoutError,
    TimeoutType,
)

from gnosari_temporal.errors import JobCancelled, JobExpired, JobFailed, JobLost
from gnosari_temporal.execution.failures import (
    WORKFLOW_FAILURE_TYPES,
    consumer_failure,
    expired_failure,
    lost_failure,
    own_traceback,
    telling_cause,
    to_job_error,
)


def caught(text: str = "no such order") -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def of_activity(cause: BaseException | None) -> ActivityError:
    error = ActivityError(
        "activity failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="",
        activity_id="",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


def of_child(cause: BaseException | None) -> ChildWorkflowError:
    error = ChildWorkflowError(
        "child failed",
        namespace="",
        workflow_id="",
        run_id="",
        workflow_type="",
        initiated_event_id=1,
        started_event_id=2,
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


def timed_out(kind: TimeoutType) -> TimeoutError:
    return TimeoutError("timed out", type=kind, last_heartbeat_details=[])


def test_a_consumer_s_exception_keeps_type_message_delay_and_traceback() -> None:
    failure = consumer_failure(caught(), retry_delay=timedelta(seconds=4), attempts=2)
    assert (failure.type, failure.message, failure.non_retryable) == ("ValueError", "no such order", False)
    assert failure.next_retry_delay == timedelta(seconds=4)
    assert failure.details[0]["attempts"] == 2
    assert "raise ValueError(text)" in failure.details[0]["traceback"]


def test_without_a_delay_the_failure_is_final() -> None:
    assert consumer_failure(caught(), retry_delay=None, attempts=4).non_retryable


def test_an_exception_without_text_is_named() -> None:
    assert consumer_failure(KeyError(), retry_delay=None, attempts=1).message == "KeyError"


def test_an_exception_with_an_endless_text_is_cut() -> None:
    failure = consumer_failure(caught("x" * 5_000_000), retry_delay=None, attempts=1)
    assert len(failure.message) <= 16_000
    assert len(failure.details[0]["traceback"]) <= 16_000


def test_an_exception_whose_texts_are_too_long_to_travel_is_no_cause() -> None:
    short, long = caught("short"), caught("x" * 20_000)
    assert telling_cause(short) is short
    assert telling_cause(long) is None
    short.__cause__ = long
    assert telling_cause(short) is None


def test_the_traceback_has_the_causes_and_none_of_the_engine_s_own_frames() -> None:
    try:
        raise RuntimeError("outer") from caught("inner")
    except RuntimeError as error:
        text = own_traceback(error)
    assert "ValueError: inner" in text
    assert "RuntimeError: outer" in text
    assert "gnosari_temporal/execution" not in text


@pytest.mark.parametrize("wrapped", [lambda e: e, of_activity, of_child, lambda e: of_child(of_activity(e))])
def test_who_waits_gets_the_consumer_s_own_exception_however_deep_it_is(wrapped: Any) -> None:
    error = to_job_error(wrapped(consumer_failure(caught(), retry_delay=None, attempts=3)), "Order/1")
    assert type(error) is JobFailed
    assert (error.exception_type, error.exception_message) == ("ValueError", "no such order")
    assert error.attempts == 3
    assert error.job_id == "Order/1"
    assert "raise ValueError(text)" in error.remote_traceback
    assert str(error) == "job Order/1 failed after 3 attempts: ValueError: no such order"


@pytest.mark.parametrize(
    ("cause", "expected", "words"),
    [
        (CancelledError("x"), JobCancelled, "job J was cancelled"),
        (of_activity(CancelledError("x")), JobCancelled, "job J was cancelled"),
        (TerminatedError("x"), JobCancelled, "job J was terminated"),
        (expired_failure("not started before 12:00"), JobExpired, "not started before 12:00"),
        (of_activity(lost_failure("gone")), JobLost, "job J failed: JobLost: gone"),
        (of_activity(timed_out(TimeoutType.HEARTBEAT)), JobLost, "its worker gave no sign of life"),
        (of_activity(timed_out(TimeoutType.START_TO_CLOSE)), JobFailed, "an attempt took longer than its timeout"),
        (of_activity(timed_out(TimeoutType.SCHEDULE_TO_CLOSE)), JobFailed, "all attempts together took longer"),
        (of_activity(timed_out(TimeoutType.SCHEDULE_TO_START)), JobFailed, "no worker took it in time"),
        (ApplicationError("own", type="OwnError"), JobFailed, "job J failed: OwnError: own"),
        (ApplicationError("own"), JobFailed, "job J failed: ApplicationError: own"),
        (FailureError("strange"), JobFailed, "job J failed: strange"),
        (None, JobFailed, "unknown failure"),
    ],
)
def test_every_end_has_its_error(cause: BaseException | None, expected: type[Exception], words: str) -> None:
    error = to_job_error(cause, "J")
    assert type(error) is expected
    assert words in str(error)


def test_the_nondeterminism_error_never_fails_a_workflow() -> None:
    from temporalio.workflow import NondeterminismError

    assert not issubclass(NondeterminismError, WORKFLOW_FAILURE_TYPES)
    assert not issubclass(RuntimeError, WORKFLOW_FAILURE_TYPES)
    assert Exception not in WORKFLOW_FAILURE_TYPES
