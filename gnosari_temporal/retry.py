"""When a failed attempt is tried again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from temporalio.common import RetryPolicy

from .durations import Duration, format_duration
from .messages import BaseMessage

LOST_ATTEMPTS_ALLOWED = 5
"""How many attempts may be lost with their worker before the job is given up as poison."""
RELEASED_ATTEMPTS_ALLOWED = 1000
"""How many attempts workers that are stopped may hand back: neither the consumer's failure nor a loss."""

_RETRY_AFTER_LOSS = timedelta(seconds=1)


class RetrySpec(BaseModel):
    """A declarative retry policy with exponential backoff.

    The wait after failure number *n* is ``initial_interval * backoff_coefficient ** (n - 1)``, at most
    ``maximum_interval``, spread by ``jitter``. It counts the consumer's own failures only: an attempt that is
    lost with its worker is repeated after a second and is not one of ``maximum_attempts``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    maximum_attempts: int = Field(default=4, ge=0)
    """Attempts in all, the first included; 0 is without end (as in Temporal)."""
    initial_interval: Duration = timedelta(seconds=2)
    """Wait after the first failure; a plain number is seconds."""
    backoff_coefficient: float = Field(default=2.0, ge=1.0)
    maximum_interval: Duration = timedelta(hours=1)
    """The longest wait."""
    jitter: float = Field(default=0.0, ge=0.0, le=1.0)
    """Part of the wait that is random: 0.1 is the wait ± 10 %."""
    non_retryable: tuple[str, ...] = ()
    """Exception types (classes or names) that fail the job at once; subclasses count."""

    @field_validator("non_retryable", mode="before")
    @classmethod
    def _as_names(cls, value: Any) -> tuple[str, ...]:
        if isinstance(value, str | type) or not isinstance(value, Iterable):
            raise ValueError("non_retryable is a tuple of exception types or their names")  # noqa: TRY004
        return tuple(item.__name__ if isinstance(item, type) else str(item) for item in value)

    @classmethod
    def of_message(cls, message: BaseMessage) -> RetrySpec:
        """The policy of the Celery version: ``max_retries`` retries after 2, 4, 8 … seconds."""
        return cls.of_max_retries(message.max_retries)

    @classmethod
    def of_max_retries(cls, max_retries: int) -> RetrySpec:
        """The policy of a message with this many ``max_retries``."""
        return cls(maximum_attempts=max_retries + 1)

    def allows(self, failures: int) -> bool:
        """Whether another attempt follows after this many failures."""
        return self.maximum_attempts == 0 or failures < self.maximum_attempts

    def retries_type(self, exception: BaseException) -> bool:
        """Whether this exception's type may be retried at all."""
        return not any(base.__name__ in self.non_retryable for base in type(exception).__mro__)

    def delay(self, failures: int) -> timedelta:
        """The wait after failure number ``failures`` (1 is the first), with jitter."""
        try:
            seconds = self.initial_interval.total_seconds() * self.backoff_coefficient ** (failures - 1)
        except OverflowError:
            seconds = float("inf")
        seconds = min(seconds, self.maximum_interval.total_seconds())
        return timedelta(seconds=seconds * (1 + random.uniform(-self.jitter, self.jitter)))

    def in_words(self) -> str:
        """``up to 4 attempts, waits 2s, 4s, 8s``: for people."""
        if self.maximum_attempts == 1:
            return "no retries"
        shown = min(self.maximum_attempts - 1, 3) if self.maximum_attempts else 3
        exact = self.model_copy(update={"jitter": 0.0})
        waits = ", ".join(format_duration(exact.delay(n)) for n in range(1, shown + 1))
        more = " …" if not self.maximum_attempts or self.maximum_attempts - 1 > shown else ""
        attempts = f"up to {self.maximum_attempts} attempts" if self.maximum_attempts else "attempts without end"
        return f"{attempts}, waits {waits}{more}"

    def to_temporal(self) -> RetryPolicy:
        """The policy for the server.

        Every failure of a consumer carries its own delay or is final, so what is left for the server's policy is
        attempts that are lost with their worker or handed back by one that is stopped: repeated after a second.
        The engine counts them apart; the server, which cannot, gets a limit above all of them together.
        """
        more = LOST_ATTEMPTS_ALLOWED + RELEASED_ATTEMPTS_ALLOWED
        attempts = self.maximum_attempts and self.maximum_attempts + more
        return RetryPolicy(initial_interval=_RETRY_AFTER_LOSS, backoff_coefficient=1.0, maximum_attempts=attempts)
