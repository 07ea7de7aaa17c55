"""How a call runs, as a team file writes it: mode, priority, queue, timeout, retries and approval."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from ..durations import Duration, PositiveDuration, format_duration
from ..messages import HIGHEST_PRIORITY, LOWEST_PRIORITY
from ..retry import RetrySpec
from ..yamldoc import ListOfText, Location, Name, Number, Problems, Section, Whole
from .spec import ApprovalSpec, Mode

_DEFAULT_RETRY = RetrySpec()


def _no_separator(value: str) -> str:
    if re.search(r"[,=\s]", value):
        raise PydanticCustomError("queue", "must be a queue name without spaces, commas and '='")
    return value


Priority = Annotated[Whole, Field(ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)]
QueueName = Annotated[Name, AfterValidator(_no_separator)]


class ApprovalEntry(Section):
    """What happens until a person has answered."""

    timeout: PositiveDuration | None = None
    """How long to wait for an answer; without it there is no limit."""
    on_timeout: Literal["reject", "approve", "fail"] = "reject"
    """What happens then: the call is rejected, made all the same, or the run fails."""


class RetryEntry(Section):
    """A retry policy: waits grow from initial_interval by backoff_coefficient up to maximum_interval."""

    maximum_attempts: Annotated[Whole, Field(ge=0)] | None = None
    """Attempts in all, the first included (default 4), 0 is without end; or write max_retries."""
    max_retries: Annotated[Whole, Field(ge=0)] | None = None
    """Attempts after the first; or write maximum_attempts."""
    initial_interval: Duration = _DEFAULT_RETRY.initial_interval
    """Wait after the first failure."""
    backoff_coefficient: Annotated[Number, Field(ge=1)] = _DEFAULT_RETRY.backoff_coefficient
    """Each wait is this many times the one before."""
    maximum_interval: Duration | None = None
    """The longest wait; by default 1h, or initial_interval if that is longer."""
    jitter: Annotated[Number, Field(ge=0, le=1)] = _DEFAULT_RETRY.jitter
    """Part of the wait that is random: 0.1 is ± 10 %."""
    non_retryable: ListOfText = Field(default_factory=list)
    """Names of exception types that are never retried."""


class RetryConfigEntry(Section):
    """Gnosari's retry_config; retry does the same and more."""

    max_retries: Annotated[Whole, Field(ge=0)] | None = None
    """Attempts after the first."""
    retry_delay: Duration | None = None
    """Wait between attempts."""
    exponential_backoff: bool | None = None
    """Whether the wait doubles every time; by default it does unless retry_delay is written."""


class ErrorHandlingEntry(Section):
    """Gnosari's error_handling; retry does the same and more."""

    max_retries: Annotated[Whole, Field(ge=0)] | None = None
    """Attempts after the first."""
    retry_delay: Duration | None = None
    """Wait between attempts; it does not grow."""
    dead_letter_queue: QueueName | None = None
    """Has no effect yet: failed jobs stay in Temporal."""


Approval = (
    Annotated[
        Annotated[bool, Tag("yes or no")] | Annotated[ApprovalEntry, Tag("approval")],
        Discriminator(lambda value: "approval" if isinstance(value, dict | ApprovalEntry) else "yes or no"),
    ]
    | None
)


class Runs(Section):
    """How a call of a tool or a delegation runs."""

    mode: Mode | None = None
    """sync: the result is awaited; async: a ticket comes back at once. Unwritten: sync, or as the caller says."""
    priority: Priority | None = None
    """1 to 10, lower first (default 5)."""
    queue_name: QueueName | None = None
    """Queue of async calls (default gnosari_queue)."""
    queue: QueueName | None = None
    """The same as queue_name."""
    timeout: PositiveDuration | None = None
    """Limit of one attempt."""
    retry: RetryEntry | None = None
    """When a failed attempt is tried again."""
    approval: Approval = None
    """Whether a person has to agree before a call is made."""

    def queue_spec(self, location: Location, problems: Problems) -> str | None:
        """The queue, from either spelling."""
        if self.queue_name and self.queue and self.queue_name != self.queue:
            problems.add((*location, "queue"), "is written as 'queue_name' too; keep one of them")
        return self.queue_name or self.queue

    def retry_spec(self, location: Location, problems: Problems) -> RetrySpec | None:
        """The retry policy; None if there is none."""
        return retry_of(self.retry, (*location, "retry"), problems) if self.retry else None

    def approval_spec(self) -> ApprovalSpec | None:
        """What approval asks for; None if a call needs none."""
        if isinstance(self.approval, ApprovalEntry):
            return ApprovalSpec(timeout=self.approval.timeout, on_timeout=self.approval.on_timeout)
        return ApprovalSpec() if self.approval else None


def retry_of(entry: RetryEntry, location: Location, problems: Problems) -> RetrySpec:
    """The policy that a ``retry`` section describes."""
    attempts = entry.maximum_attempts
    if entry.max_retries is not None:
        if attempts is not None:
            problems.add((*location, "max_retries"), "'maximum_attempts' is written too; keep one of them")
        attempts = entry.max_retries + 1
    longest = entry.maximum_interval
    if longest is None:
        longest = max(_DEFAULT_RETRY.maximum_interval, entry.initial_interval)
    elif longest < entry.initial_interval:
        problems.add(
            (*location, "maximum_interval"),
            f"must not be shorter than initial_interval, which is {format_duration(entry.initial_interval)}",
        )
    return RetrySpec(
        maximum_attempts=_DEFAULT_RETRY.maximum_attempts if attempts is None else attempts,
        initial_interval=entry.initial_interval,
        backoff_coefficient=entry.backoff_coefficient,
        maximum_interval=longest,
        jitter=entry.jitter,
        non_retryable=tuple(entry.non_retryable),
    )


def simple_retry(max_retries: int | None, delay: timedelta | None, *, grows: bool | None) -> RetrySpec:
    """A policy of Gnosari's own spellings; a written delay is constant unless it is said to grow."""
    first = delay if delay is not None else _DEFAULT_RETRY.initial_interval
    doubles = grows if grows is not None else delay is None
    return RetrySpec(
        maximum_attempts=_DEFAULT_RETRY.maximum_attempts if max_retries is None else max_retries + 1,
        initial_interval=first,
        backoff_coefficient=_DEFAULT_RETRY.backoff_coefficient if doubles else 1.0,
        maximum_interval=max(_DEFAULT_RETRY.maximum_interval, first),
    )
