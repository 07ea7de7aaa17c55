"""Consumers: what they declare, and the job they run in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gnosari_temporal import BaseConsumer, BaseMessage, GnosariError, RetrySpec, current_job
from gnosari_temporal.consumers import duration, in_job, message_type_of, result_type_of
from gnosari_temporal.errors import DefinitionError
from gnosari_temporal.registry import ConsumerPolicy


class Note(BaseMessage):
    text: str = ""


class Other(BaseMessage):
    pass


class Plain(BaseConsumer):
    async def process(self, message: Note) -> dict[str, Any]:
        return {}


class Typed(BaseConsumer[Note, int]):
    def process(self, message: Note) -> int:
        return 1


class TypedByBaseOnly(BaseConsumer[Note, int]):
    def process(self, message):  # type: ignore[no-untyped-def]
        return 1


class Told(BaseConsumer):
    message_type = Note

    def process(self, message):  # type: ignore[no-untyped-def]
        return None


class Unknown(BaseConsumer):
    def process(self, message):  # type: ignore[no-untyped-def]
        return None


@pytest.mark.parametrize("consumer", [Plain, Typed, TypedByBaseOnly, Told])
def test_the_message_type_is_read_from_process_the_base_class_or_the_attribute(consumer: type[BaseConsumer]) -> None:
    assert message_type_of(consumer) is Note


def test_a_subclass_serves_the_message_of_its_base() -> None:
    class Special(Typed):
        pass

    assert message_type_of(Special) is Note


def test_an_annotation_of_process_wins_over_the_base_class() -> None:
    class Narrow(Typed):
        def process(self, message: Other) -> int:  # type: ignore[override]
            return 2

    assert message_type_of(Narrow) is Other


def test_a_consumer_that_does_not_tell_its_message_is_told_how_to() -> None:
    with pytest.raises(DefinitionError, match=r"Unknown: which message does it process\? Annotate process"):
        message_type_of(Unknown)


@pytest.mark.parametrize(
    ("consumer", "result"), [(Plain, dict[str, Any]), (Typed, int), (TypedByBaseOnly, int), (Told, None)]
)
def test_the_result_type_is_read_where_it_is_written(consumer: type[BaseConsumer], result: object) -> None:
    assert result_type_of(consumer) == result


def test_the_name_is_the_class_s() -> None:
    assert Plain().name == "Plain"


def test_process_has_to_be_written() -> None:
    with pytest.raises(TypeError, match="process"):
        BaseConsumer()  # type: ignore[abstract]


def test_what_is_not_declared_has_defaults() -> None:
    policy = ConsumerPolicy.of(Plain)
    assert policy.timeout == timedelta(minutes=15)
    assert policy.heartbeat_timeout == timedelta(seconds=10)
    assert (policy.queue, policy.retry, policy.schedule_to_close) == (None, None, None)


def test_what_is_declared_counts_and_plain_numbers_are_seconds() -> None:
    class Declared(Plain):
        queue = "orders"
        retry = RetrySpec(maximum_attempts=2)
        timeout = 90
        heartbeat_timeout = 2.5
        schedule_to_close = timedelta(hours=1)

    policy = ConsumerPolicy.of(Declared)
    assert policy == ConsumerPolicy(
        consumer="Declared",
        message_type="Note",
        queue="orders",
        retry=RetrySpec(maximum_attempts=2),
        timeout=timedelta(seconds=90),
        heartbeat_timeout=timedelta(seconds=2.5),
        schedule_to_close=timedelta(hours=1),
    )


def test_the_time_limit_of_the_settings_is_for_consumers_that_declare_none() -> None:
    class Own(Plain):
        timeout = 5

    assert ConsumerPolicy.of(Plain, timedelta(seconds=60)).timeout == timedelta(seconds=60)
    assert ConsumerPolicy.of(Own, timedelta(seconds=60)).timeout == timedelta(seconds=5)


def test_outside_a_job_the_message_s_own_retries_decide() -> None:
    consumer = Plain()
    assert consumer.should_retry(ValueError(), Note(retry_count=2, max_retries=3)) is True
    assert consumer.should_retry(ValueError(), Note(retry_count=3, max_retries=3)) is False


def test_outside_a_job_the_declared_policy_decides_where_there_is_one() -> None:
    class Declared(Plain):
        retry = RetrySpec(maximum_attempts=2)

    assert Declared().should_retry(ValueError(), Note(retry_count=0, max_retries=0)) is True
    assert Declared().should_retry(ValueError(), Note(retry_count=1, max_retries=9)) is False


def test_there_is_no_current_job_outside_a_consumer() -> None:
    assert not in_job()
    with pytest.raises(GnosariError, match=r"current_job\(\) works inside process\(\) and the hooks"):
        current_job()


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), (2, timedelta(seconds=2)), (timedelta(hours=1), timedelta(hours=1))]
)
def test_a_declared_duration_is_a_timedelta_or_seconds(value: Any, expected: timedelta | None) -> None:
    assert duration(value) == expected
