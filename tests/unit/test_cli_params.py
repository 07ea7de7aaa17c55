"""What the command line reads its options and arguments as."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from gnosari_temporal.cli import params
from gnosari_temporal.client import JobState
from gnosari_temporal.messages import HIGHEST_PRIORITY, LOWEST_PRIORITY
from gnosari_temporal.settings import Settings


def read(kind: Any, text: str) -> Any:
    return kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (params.JSON_OBJECT, '{"a": [1, null]}', {"a": [1, None]}),
        (params.DURATION, "90", timedelta(seconds=90)),
        (params.DURATION, "1h30m", timedelta(minutes=90)),
        (params.TIME, "2026-01-31T18:00:00Z", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        (params.TIME, "2026-01-31T18:00:00+02:00", datetime(2026, 1, 31, 16, tzinfo=UTC)),
        (params.TIME, "2026-01-31 18:00", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        (params.EXPIRY, "10m", timedelta(minutes=10)),
        (params.EXPIRY, "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        (params.QUEUES, "a=4,b", "a=4,b"),
    ],
)
def test_a_value_is_read(kind: Any, text: str, value: object) -> None:
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "named"),
    [
        (params.JSON_OBJECT, "{'a': 1}", "is no JSON"),
        (params.JSON_OBJECT, "3", "'3' is no JSON object"),
        (params.JSON_OBJECT, "", "'' is no JSON"),
        (params.JSON_OBJECT, "[" * 500, "…"),
        (params.DURATION, "-3s", "'-3s' is no duration"),
        (params.TIME, "18:00", "'18:00' is no time"),
        (params.EXPIRY, "2026-13-01", "neither a duration"),
        (params.QUEUES, "a=0", "'a=0'"),
        (params.QUEUES, " , ", "names no queue"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_value(kind: Any, text: str, named: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        read(kind, text)

    assert named in refused.value.message
    assert "\n" not in refused.value.message


def test_choices_that_are_written_here_to_stay_quick_are_those_of_the_package() -> None:
    assert tuple(state.value.lower() for state in JobState if state is not JobState.NOT_FOUND) == params.JOB_STATES
    assert (params.PRIORITY.min, params.PRIORITY.max) == (HIGHEST_PRIORITY, LOWEST_PRIORITY)
    for level in params.LOG_LEVELS:
        assert Settings(loglevel=level).loglevel == level
