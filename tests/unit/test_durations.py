"""How a length of time is written and read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from gnosari_temporal.durations import Duration, format_duration, parse_duration
from gnosari_temporal.errors import GnosariError, InvalidDuration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0),
        (90, 90),
        (0.25, 0.25),
        ("90", 90),
        ("1.5", 1.5),
        ("500ms", 0.5),
        ("7us", 0.000007),
        ("30s", 30),
        ("10m", 600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        (" 2d ", 172_800),
        ("1.5h", 5400),
        ("1m500ms", 60.5),
        ("1d2h3m4s5ms6us", 93_784.005006),
        ("PT1H30M", 5400),
        ("P1DT0.5S", 86_400.5),
        (timedelta(minutes=2), 120),
    ],
)
def test_what_people_write_is_read(written: object, seconds: float) -> None:
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    ["", " ", "soon", "m", "10 parsecs", "10M", "30m1h", "1m1m", "-5s", "1e5", "P", "PT", "1:30", "1,5s"],
)
def test_a_text_that_is_no_duration_is_refused_and_named(written: str) -> None:
    with pytest.raises(InvalidDuration) as caught:
        parse_duration(written)
    assert repr(written) in str(caught.value)
    assert "1h30m" in str(caught.value)


@pytest.mark.parametrize("value", [True, None, [], {}, b"10m", -1, -0.5, float("nan"), float("inf")])
def test_a_value_of_another_kind_is_refused(value: object) -> None:
    with pytest.raises(InvalidDuration, match="is no duration"):
        parse_duration(value)


def test_a_negative_timedelta_is_refused() -> None:
    with pytest.raises(InvalidDuration, match="not negative, this one is -3 s"):
        parse_duration(timedelta(seconds=-3))


@pytest.mark.parametrize("written", ["9999999999d", 10**15, 1e300])
def test_what_is_too_long_for_a_timedelta_is_refused(written: object) -> None:
    with pytest.raises(InvalidDuration, match="longer than a duration can be"):
        parse_duration(written)


def test_a_very_long_text_is_refused_without_being_repeated_in_full() -> None:
    with pytest.raises(InvalidDuration) as caught:
        parse_duration("1" * 100_000)
    assert len(str(caught.value)) < 200


def test_the_error_is_a_value_error_and_one_of_ours() -> None:
    assert issubclass(InvalidDuration, ValueError)
    assert issubclass(InvalidDuration, GnosariError)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(microseconds=3), "3us"),
        (timedelta(microseconds=1500), "1.5ms"),
        (timedelta(milliseconds=500), "500ms"),
        (timedelta(seconds=2.5), "2.5s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=1), "1h"),
        (timedelta(days=1, minutes=1), "1d1m"),
        (timedelta(seconds=-90), "-1m30s"),
    ],
)
def test_a_duration_is_written_short(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@settings(deadline=None)
@given(st.timedeltas(min_value=timedelta(0)))
def test_what_is_written_is_read_back_exactly(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


class _Holder(BaseModel):
    wait: Duration


@settings(deadline=None)
@given(st.timedeltas(min_value=timedelta(0)))
def test_a_field_survives_json(duration: timedelta) -> None:
    holder = _Holder(wait=duration)
    assert _Holder.model_validate_json(holder.model_dump_json()) == holder


def test_a_field_refuses_what_is_no_duration() -> None:
    with pytest.raises(ValidationError, match="'soon' is no duration"):
        _Holder.model_validate({"wait": "soon"})
