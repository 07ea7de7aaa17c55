"""The duration: how a length of time is written in YAML, JSON, settings and on the command line."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from .errors import InvalidDuration

_MICROSECONDS = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
_NUMBER = r"\d+(?:\.\d+)?"
_PARTS = re.compile(
    rf"(?:(?P<d>{_NUMBER})d)?\s*(?:(?P<h>{_NUMBER})h)?\s*(?:(?P<m>{_NUMBER})m(?!s))?\s*"
    rf"(?:(?P<s>{_NUMBER})s)?\s*(?:(?P<ms>{_NUMBER})ms)?\s*(?:(?P<us>{_NUMBER})us)?"
)
_ISO = re.compile(rf"P(?:(?P<d>{_NUMBER})D)?(?:T(?:(?P<h>{_NUMBER})H)?(?:(?P<m>{_NUMBER})M)?(?:(?P<s>{_NUMBER})S)?)?")
_PLAIN = re.compile(_NUMBER)
_LONGEST_TEXT = 64
_HOW = "write seconds as a number, or units as in 500ms, 30s, 10m, 1h30m, 2d"


def parse_duration(value: Any) -> timedelta:
    """A duration from what people write: ``90`` (seconds), ``"90"``, ``"10m"``, ``"1h30m"``, ``"500ms"``.

    Units are d, h, m, s, ms and us, the larger first, each at most once; ISO 8601 (``PT1H30M``) is read too.
    The result is exact to the microsecond.

    Raises:
        InvalidDuration: the value is none of these, is negative or is too long for ``timedelta``.
    """
    if isinstance(value, timedelta):
        if value < timedelta(0):
            raise InvalidDuration(f"a duration is not negative, this one is {value.total_seconds():g} s")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidDuration(f"{_short(value)} is no duration: {_HOW}")
    try:
        return timedelta(microseconds=_microseconds_of(value))
    except OverflowError:
        raise InvalidDuration(f"{value!r} is longer than a duration can be ({timedelta.max.days} days)") from None


def format_duration(duration: timedelta) -> str:
    """The exact, short way to write a duration (``500ms``, ``2.5s``, ``1h30m``), for ``parse_duration``."""
    rest = duration // timedelta(microseconds=1)
    sign = "-" if rest < 0 else ""
    rest = abs(rest)
    if rest == 0:
        return "0s"
    if rest < _MICROSECONDS["ms"]:
        return f"{sign}{rest}us"
    if rest < _MICROSECONDS["s"]:
        return f"{sign}{_decimal(rest, 'ms')}ms"
    parts = []
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, _MICROSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if rest:
        parts.append(f"{_decimal(rest, 's')}s")
    return sign + "".join(parts)


def _microseconds_of(value: float | str) -> int:
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST_TEXT:
            raise InvalidDuration(f"{_short(text)} is no duration: {_HOW}")
        if _PLAIN.fullmatch(text):
            return _round(Decimal(text) * _MICROSECONDS["s"])
        match = _PARTS.fullmatch(text) or _ISO.fullmatch(text)
        written = {unit: number for unit, number in match.groupdict().items() if number} if match else {}
        if not written:
            raise InvalidDuration(f"{value!r} is no duration: {_HOW}")
        parts = (Decimal(number) * _MICROSECONDS[unit] for unit, number in written.items())
        return _round(sum(parts, Decimal(0)))
    if isinstance(value, int) and value >= 0:
        return value * _MICROSECONDS["s"]
    if not math.isfinite(value) or value < 0:
        raise InvalidDuration(f"{value!r} is no duration: {_HOW}; it is neither negative nor infinite")
    return _round(Decimal(str(value)) * _MICROSECONDS["s"])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _round(microseconds: Decimal) -> int:
    return int(microseconds.to_integral_value())


def _decimal(microseconds: int, unit: str) -> str:
    return f"{Decimal(microseconds) / _MICROSECONDS[unit]:f}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?(d|h|ms|m|s|us)?\s*)+$"},
            ],
            "description": "A number is seconds; units as in 500ms, 30s, 10m, 1h30m, 2d.",
        }
    ),
]
"""A ``timedelta`` field of a pydantic model that is read by ``parse_duration`` and written as text."""


def _positive(duration: timedelta) -> timedelta:
    if not duration:
        raise InvalidDuration("must be longer than 0s")
    return duration


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""A ``Duration`` longer than zero, as a timeout is."""
