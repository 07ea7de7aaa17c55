"""The options of one send, and what of them travels with the job."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..durations import Duration
from ..errors import InvalidMessage
from ..messages import DEFAULT_PRIORITY, HIGHEST_PRIORITY, LOWEST_PRIORITY, BaseMessage, content_digest
from ..retry import RetrySpec
from ..routing import Routing

MEMO_OPTIONS = "gnosari"
MEMO_WAITING = "gnosari_waiting"
MEMO_RETRY = "gnosari_retry"


class NextAttempt(BaseModel):
    """The attempt that a workflow waits to make, kept in the job's memo by one that waits itself."""

    model_config = ConfigDict(frozen=True)

    attempt: int
    """2 for the first retry."""
    at: datetime
    reason: str
    details: dict[str, Any] = Field(default_factory=dict)
    """For layers above the engine."""


class SendOptions(BaseModel):
    """Overrides of one send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: int | None = Field(default=None, ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)
    """1 to 10, lower first; None: the message's own."""
    queue: str | None = Field(default=None, min_length=1)
    retry: RetrySpec | None = None
    """Policy in place of the consumer's."""
    delay: Duration | None = None
    """Start only after this long."""
    at: datetime | None = None
    """Start only at this time; one without zone is UTC."""
    expires: Duration | datetime | None = None
    """Not started by then, it is EXPIRED and never runs: a time, or how long from now (``delay`` included)."""
    timeout: Duration | None = None
    """Timeout of one attempt in place of the consumer's."""
    fairness_key: str | None = None
    """Jobs of one priority are dealt evenly between fairness keys (a team, a tenant, a session)."""
    fairness_weight: float | None = Field(default=None, gt=0)

    @field_validator("at", "expires")
    @classmethod
    def _in_utc(cls, value: Any) -> Any:
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value

    @model_validator(mode="after")
    def _one_start(self) -> SendOptions:
        if self.delay is not None and self.at is not None:
            raise ValueError("delay and at exclude each other: give one")
        return self

    def start_delay(self, now: datetime) -> timedelta | None:
        """How long from now the job starts; None: at once."""
        delay = self.delay if self.at is None else self.at - now
        return delay if delay is not None and delay > timedelta(0) else None

    def expires_at(self, now: datetime) -> datetime | None:
        """The absolute time of expiry."""
        if isinstance(self.expires, timedelta):
            return now + self.expires
        return self.expires


def options_from(options: SendOptions | None, overrides: Mapping[str, Any]) -> SendOptions:
    """The options of a send, with single ones given as keywords.

    Raises:
        InvalidMessage: a value cannot work.
        TypeError: there is no such option.
    """
    if not overrides:
        return options or SendOptions()
    base = options.model_dump(exclude_unset=True) if options else {}
    try:
        return SendOptions.model_validate({**base, **overrides})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(SendOptions.model_fields)
            raise TypeError(f"send() has no option {name!r}; it has {known}") from None
        text = problem["msg"].removeprefix("Value error, ")
        raise InvalidMessage(f"send option {name}: {text} (got {problem['input']!r})" if name else text) from None


class JobOptions(BaseModel):
    """What a job carries in its memo: decided at the send, read by its workflow."""

    model_config = ConfigDict(frozen=True)

    queue: str
    priority: int = DEFAULT_PRIORITY
    retry: RetrySpec | None = Field(default=None, exclude_if=operator.not_)
    expires: datetime | None = Field(default=None, exclude_if=operator.not_)
    expires_after: Duration | None = Field(default=None, exclude_if=operator.not_)
    """The expiry of a job that a schedule starts, from its start on."""
    timeout: Duration | None = Field(default=None, exclude_if=operator.not_)
    fairness_key: str | None = Field(default=None, exclude_if=operator.not_)
    fairness_weight: float | None = Field(default=None, exclude_if=operator.not_)
    digest: str = Field(default="", exclude_if=operator.not_)
    """Digest of the message's content, to tell a second send from a conflict."""
    largest_result: int | None = Field(default=None, exclude_if=operator.not_)
    """Bytes that the result may have, where that is less than the server's limit."""
    searchable: bool = False
    """Whether the server has the engine's search attributes."""

    def started(self, at: datetime) -> JobOptions:
        """The options of a job that started then: with an expiry that is a time."""
        if self.expires_after is None:
            return self
        return self.model_copy(update={"expires": at + self.expires_after, "expires_after": None})

    def inherited_by(self, message: BaseMessage, options: SendOptions, queue: str) -> JobOptions:
        """The options of a child job: its own where given, priority and fairness of the parent otherwise."""
        return JobOptions(
            queue=queue,
            priority=options.priority or self.priority,
            retry=options.retry,
            timeout=options.timeout,
            fairness_key=options.fairness_key or self.fairness_key,
            fairness_weight=options.fairness_weight or self.fairness_weight,
            digest=content_digest(message),
            searchable=self.searchable,
        )


def resolve_options(
    message: BaseMessage,
    options: SendOptions,
    routing: Routing,
    *,
    declared_queue: str | None = None,
    searchable: bool = False,
    now: datetime,
    with_digest: bool = True,
) -> JobOptions:
    """What travels with the job, from the options of the send, the message and the routing.

    ``with_digest=False`` leaves the digest of the content out, for a message that has one by other means.

    Raises:
        InvalidMessage: the expiry has passed, or lies before the start.
    """
    expires = options.expires_at(now)
    start = now + (options.start_delay(now) or timedelta(0))
    if expires is not None and expires <= start:
        raise InvalidMessage(
            f"expires {expires.isoformat()} is not after the start {start.isoformat()}: the job could never run"
        )
    return JobOptions(
        queue=routing.queue(type(message), options.queue, declared_queue),
        priority=options.priority or message.priority,
        retry=options.retry,
        expires=expires,
        timeout=options.timeout,
        fairness_key=options.fairness_key,
        fairness_weight=options.fairness_weight,
        digest=content_digest(message) if with_digest else "",
        searchable=searchable,
    )
