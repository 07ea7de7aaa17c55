"""When a schedule fires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import ScheduleOverlapPolicy

from gnosari_temporal.client import Overlap, Timing
from gnosari_temporal.client.timing import timing_from
from gnosari_temporal.errors import InvalidSchedule


def test_a_timing_is_what_temporal_is_told() -> None:
    timing = timing_from(
        {
            "cron": "0 3 * * *",
            "every": "10m",
            "offset": 30,
            "time_zone": "Europe/Berlin",
            "overlap": "buffer-one",
            "catch_up": "1h",
            "jitter": 5,
            "start_at": datetime(2030, 1, 1),
        }
    )

    spec, policy = timing.spec(), timing.policy()
    assert list(spec.cron_expressions) == ["0 3 * * *"]
    assert (spec.intervals[0].every, spec.intervals[0].offset) == (timedelta(minutes=10), timedelta(seconds=30))
    assert (spec.time_zone_name, spec.jitter, spec.start_at) == (
        "Europe/Berlin",
        timedelta(seconds=5),
        datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert (policy.overlap, policy.catchup_window) == (ScheduleOverlapPolicy.BUFFER_ONE, timedelta(hours=1))
    assert timing.in_words() == "0 3 * * * Europe/Berlin, every 10m + 30s"
    assert Timing.model_validate(timing.model_dump(mode="json")) == timing


def test_every_overlap_policy_of_temporal_has_a_name() -> None:
    assert {policy.name for policy in Overlap} == {policy.name for policy in ScheduleOverlapPolicy}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "say when it fires"),
        ({"every": "often"}, "every: 'often' is no duration"),
        ({"every": 0.5}, "every is 500ms, the shortest interval is 1s"),
        ({"every": 0}, "longer than 0s"),
        ({"every": 5, "offset": 5}, "offset shifts an interval"),
        ({"cron": "@daily", "offset": 5}, "offset shifts an interval"),
        ({"every": 5, "overlap": "never"}, "overlap: Input should be 'skip'"),
        ({"every": 5, "catch_up": 1}, "catch_up is 1s, the shortest is 10s"),
        ({"every": 5, "start_at": datetime(2030, 1, 2), "end_at": datetime(2030, 1, 1)}, "is not before end_at"),
        ({"every": 5, "cronn": "x"}, "cronn"),
    ],
)
def test_a_timing_that_cannot_be_says_what_is_wrong(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSchedule, match=words):
        timing_from(values)
