"""The timing of a schedule: when it fires, and what happens if the last job still runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from temporalio.client import (
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from ..durations import Duration, PositiveDuration, format_duration
from ..errors import InvalidSchedule

_SHORTEST_CATCH_UP = timedelta(seconds=10)
_SHORTEST_INTERVAL = timedelta(seconds=1)


class Overlap(StrEnum):
    """What happens when a schedule fires while its last job still runs; the names are Temporal's."""

    SKIP = "skip"
    """Nothing: this time is left out."""
    BUFFER_ONE = "buffer_one"
    """One job waits for the end of the last."""
    BUFFER_ALL = "buffer_all"
    """Every job waits for the end of the last."""
    CANCEL_OTHER = "cancel_other"
    """The last job is cancelled, then the new one starts."""
    TERMINATE_OTHER = "terminate_other"
    """The last job is terminated, then the new one starts."""
    ALLOW_ALL = "allow_all"
    """They run side by side."""


class Timing(BaseModel):
    """When a schedule fires."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: tuple[str, ...] = ()
    """``minute hour day month weekday``, as Temporal reads it: names, ranges, steps, ``@daily``."""
    every: PositiveDuration | None = None
    """Interval, at least a second."""
    offset: Duration | None = None
    """Shift of the interval: every hour, 5 minutes past it."""
    time_zone: str = Field(default="UTC", min_length=1)
    """IANA name (``Europe/Berlin``) of the zone that ``cron`` is read in."""
    overlap: Overlap = Overlap.SKIP
    catch_up: Duration | None = None
    """How late a firing may be made up for that the server missed while it was down, at least 10 s; None: a year,
    the server's default."""
    jitter: Duration | None = None
    """Every firing is late by a random time of at most this."""
    start_at: datetime | None = None
    """No firing before; one without zone is UTC."""
    end_at: datetime | None = None
    """No firing after; one without zone is UTC."""

    @field_validator("cron", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("overlap", mode="before")
    @classmethod
    def _dashes_too(cls, value: Any) -> Any:
        return value.lower().replace("-", "_") if isinstance(value, str) else value

    @field_validator("start_at", "end_at")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if not self.cron and self.every is None:
            raise ValueError("say when it fires: cron, as in '0 3 * * *', or every, as in 10m")
        if self.every is not None and self.every < _SHORTEST_INTERVAL:
            raise ValueError(f"every is {format_duration(self.every)}, the shortest interval is 1s")
        if self.offset is not None and (self.every is None or self.offset >= self.every):
            raise ValueError("offset shifts an interval: give every, longer than it")
        if self.catch_up is not None and self.catch_up < _SHORTEST_CATCH_UP:
            raise ValueError(f"catch_up is {format_duration(self.catch_up)}, the shortest is 10s")
        if self.start_at is not None and self.end_at is not None and self.start_at >= self.end_at:
            raise ValueError(f"start_at {self.start_at.isoformat()} is not before end_at {self.end_at.isoformat()}")
        return self

    def spec(self) -> ScheduleSpec:
        """As Temporal has it."""
        intervals = [] if self.every is None else [ScheduleIntervalSpec(every=self.every, offset=self.offset)]
        return ScheduleSpec(
            cron_expressions=self.cron,
            intervals=intervals,
            start_at=self.start_at,
            end_at=self.end_at,
            jitter=self.jitter,
            time_zone_name=self.time_zone,
        )

    def policy(self) -> SchedulePolicy:
        """What to do about overlaps and missed firings, as Temporal has it."""
        policy = SchedulePolicy(overlap=ScheduleOverlapPolicy[self.overlap.name])
        if self.catch_up is not None:
            policy.catchup_window = self.catch_up
        return policy

    def in_words(self) -> str:
        """``0 3 * * * Europe/Berlin``, ``every 10m``: for people."""
        parts = [f"{cron} {self.time_zone}" for cron in self.cron]
        if self.every is not None:
            shift = f" + {format_duration(self.offset)}" if self.offset else ""
            parts.append(f"every {format_duration(self.every)}{shift}")
        return ", ".join(parts)


def timing_from(values: Mapping[str, Any]) -> Timing:
    """A timing from single values.

    Raises:
        InvalidSchedule: one line that names what is wrong.
    """
    try:
        return Timing.model_validate(dict(values))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        raise InvalidSchedule(f"{name}: {text} (got {problem['input']!r})" if name else text) from None
