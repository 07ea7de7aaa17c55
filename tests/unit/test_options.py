"""The options of one send, and what of them travels with the job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gnosari_temporal import BaseMessage, RetrySpec, SendOptions, Settings
from gnosari_temporal.errors import InvalidMessage
from gnosari_temporal.execution.options import JobOptions, options_from, resolve_options
from gnosari_temporal.routing import Routing

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
ROUTING = Routing.of(Settings(default_queue="default"))


class Order(BaseMessage):
    pass


def resolve(**options: Any) -> JobOptions:
    return resolve_options(Order(priority=7), SendOptions(**options), ROUTING, now=NOW)


def test_what_the_send_does_not_say_the_message_and_the_routing_do() -> None:
    options = resolve()
    assert (options.priority, options.queue, options.expires) == (7, "default", None)
    assert options.digest


def test_what_the_send_says_wins() -> None:
    options = resolve(priority=2, queue="fast", retry=RetrySpec(maximum_attempts=1), timeout=30, fairness_key="tenant")
    assert (options.priority, options.queue, options.fairness_key) == (2, "fast", "tenant")
    assert options.retry == RetrySpec(maximum_attempts=1)
    assert options.timeout == timedelta(seconds=30)


def test_a_declared_queue_stands_between_the_send_and_the_routing() -> None:
    declared = resolve_options(Order(), SendOptions(), ROUTING, declared_queue="declared", now=NOW)
    assert declared.queue == "declared"


def test_single_options_are_given_as_keywords_over_an_object() -> None:
    options = options_from(SendOptions(priority=2, queue="a"), {"queue": "b", "delay": "10m"})
    assert (options.priority, options.queue, options.delay) == (2, "b", timedelta(minutes=10))


def test_an_option_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(TypeError, match=r"send\(\) has no option 'prioritee'; it has priority, queue"):
        options_from(None, {"prioritee": 1})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"priority": 0}, r"send option priority: .*greater than or equal to 1 \(got 0\)"),
        ({"queue": ""}, "send option queue"),
        ({"delay": -1}, "send option delay"),
        ({"delay": "soon"}, "write seconds as a number, or units"),
        ({"delay": 1, "at": NOW}, "delay and at exclude each other: give one"),
        ({"fairness_weight": 0}, "send option fairness_weight"),
        ({"expires": "never"}, "send option expires"),
    ],
)
def test_an_option_that_cannot_work_is_told_by_name(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidMessage, match=told):
        options_from(None, wrong)


@pytest.mark.parametrize(
    ("options", "delay"),
    [
        ({}, None),
        ({"delay": 5}, timedelta(seconds=5)),
        ({"delay": 0}, None),
        ({"at": NOW + timedelta(hours=1)}, timedelta(hours=1)),
        ({"at": datetime(2024, 1, 1, 13)}, timedelta(hours=1)),
        ({"at": NOW - timedelta(hours=1)}, None),
    ],
)
def test_a_job_starts_after_a_delay_or_at_a_time_and_at_once_if_that_has_passed(
    options: dict[str, Any], delay: timedelta | None
) -> None:
    assert SendOptions(**options).start_delay(NOW) == delay


@pytest.mark.parametrize(
    "expires", [90, "90s", timedelta(seconds=90), NOW + timedelta(seconds=90), datetime(2024, 1, 1, 12, 1, 30)]
)
def test_an_expiry_is_a_time_or_how_long_from_now(expires: Any) -> None:
    assert resolve(expires=expires).expires == NOW + timedelta(seconds=90)


@pytest.mark.parametrize("options", [{"expires": NOW}, {"expires": 0}, {"expires": 5, "delay": 5}])
def test_an_expiry_before_the_start_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage, match=r"is not after the start .*: the job could never run"):
        resolve(**options)


def test_a_child_inherits_priority_and_fairness_and_nothing_else() -> None:
    parent = JobOptions(
        queue="a", priority=2, fairness_key="tenant", expires=NOW, timeout=timedelta(seconds=1), searchable=True
    )
    child = parent.inherited_by(Order(), SendOptions(), "b")
    assert (child.queue, child.priority, child.fairness_key, child.searchable) == ("b", 2, "tenant", True)
    assert (child.expires, child.timeout, child.retry) == (None, None, None)
    assert parent.inherited_by(Order(), SendOptions(priority=9), "b").priority == 9


@given(
    st.builds(
        JobOptions,
        queue=st.text(min_size=1),
        priority=st.integers(1, 10),
        retry=st.one_of(st.none(), st.builds(RetrySpec, maximum_attempts=st.integers(0, 99))),
        expires=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
        timeout=st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=400))),
        fairness_key=st.one_of(st.none(), st.text(min_size=1)),
    )
)
def test_the_options_of_a_job_survive_their_way_to_its_workflow(options: JobOptions) -> None:
    assert JobOptions.model_validate_json(options.model_dump_json()) == options


def test_options_of_a_newer_sender_are_read_and_those_of_an_older_one_have_defaults() -> None:
    newer = JobOptions.model_validate_json('{"queue": "a", "priority": 3, "of_tomorrow": 1}')
    assert newer.priority == 3
    assert JobOptions.model_validate_json('{"queue": "a"}').priority == 5


def test_options_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SendOptions().priority = 3  # type: ignore[misc]
