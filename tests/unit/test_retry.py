"""Retry policies: when a failed attempt is tried again, and after how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gnosari_temporal import BaseMessage, RetrySpec
from gnosari_temporal.retry import LOST_ATTEMPTS_ALLOWED, RELEASED_ATTEMPTS_ALLOWED


def seconds(spec: RetrySpec, count: int) -> list[float]:
    return [spec.delay(failures).total_seconds() for failures in range(1, count + 1)]


def test_without_a_policy_a_message_is_retried_after_2_4_8_seconds() -> None:
    spec = RetrySpec.of_message(BaseMessage(max_retries=3))
    assert seconds(spec, 3) == [2, 4, 8]
    assert [spec.allows(failures) for failures in (1, 2, 3, 4)] == [True, True, True, False]


def test_three_retries_are_four_attempts() -> None:
    assert RetrySpec.of_message(BaseMessage(max_retries=3)).maximum_attempts == 4
    assert RetrySpec.of_message(BaseMessage(max_retries=0)).maximum_attempts == 1


def test_waits_grow_up_to_the_longest() -> None:
    spec = RetrySpec(initial_interval=1, backoff_coefficient=3, maximum_interval=10, maximum_attempts=0)
    assert seconds(spec, 4) == [1, 3, 9, 10]


def test_zero_attempts_are_attempts_without_end() -> None:
    spec = RetrySpec(maximum_attempts=0)
    assert spec.allows(10**9)
    assert spec.to_temporal().maximum_attempts == 0


@given(
    failures=st.integers(1, 10**6),
    initial=st.floats(0, 10**6),
    coefficient=st.floats(1, 100),
    longest=st.floats(0, 10**6),
    jitter=st.floats(0, 1),
)
def test_a_wait_is_never_negative_nor_longer_than_the_longest_with_its_jitter(
    failures: int, initial: float, coefficient: float, longest: float, jitter: float
) -> None:
    spec = RetrySpec(
        initial_interval=timedelta(seconds=initial),
        backoff_coefficient=coefficient,
        maximum_interval=timedelta(seconds=longest),
        jitter=jitter,
    )
    wait = spec.delay(failures).total_seconds()
    assert 0 <= wait <= longest * (1 + jitter) + 1e-3


def test_jitter_spreads_the_waits_around_the_exact_one() -> None:
    waits = [RetrySpec(initial_interval=100, jitter=0.1).delay(1).total_seconds() for _ in range(200)]
    assert min(waits) >= 90
    assert max(waits) <= 110
    assert len(set(waits)) > 100


def test_types_that_are_not_retried_are_named_by_class_or_name_and_include_subclasses() -> None:
    class Special(ValueError):
        pass

    spec = RetrySpec(non_retryable=(ValueError, "KeyError"))
    assert spec.non_retryable == ("ValueError", "KeyError")
    assert not spec.retries_type(Special())
    assert not spec.retries_type(KeyError())
    assert spec.retries_type(OSError())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"maximum_attempts": -1}, "maximum_attempts"),
        ({"initial_interval": -1}, "initial_interval"),
        ({"backoff_coefficient": 0.5}, "backoff_coefficient"),
        ({"jitter": 2}, "jitter"),
        ({"non_retryable": ValueError}, "non_retryable is a tuple"),
        ({"attempts": 3}, "attempts"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_by_name(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        RetrySpec.model_validate(wrong)


def test_durations_are_written_with_units_or_as_seconds() -> None:
    spec = RetrySpec.model_validate({"initial_interval": "500ms", "maximum_interval": 60})
    assert spec.initial_interval == timedelta(milliseconds=500)
    assert RetrySpec.model_validate(spec.model_dump(mode="json")) == spec


def test_the_server_allows_for_attempts_lost_with_their_workers() -> None:
    policy = RetrySpec(maximum_attempts=4).to_temporal()
    assert policy.maximum_attempts == 4 + LOST_ATTEMPTS_ALLOWED + RELEASED_ATTEMPTS_ALLOWED
    assert policy.backoff_coefficient == 1.0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (RetrySpec(maximum_attempts=1), "no retries"),
        (RetrySpec(), "up to 4 attempts, waits 2s, 4s, 8s"),
        (RetrySpec(maximum_attempts=9), "up to 9 attempts, waits 2s, 4s, 8s …"),
        (RetrySpec(maximum_attempts=0, jitter=0.5), "attempts without end, waits 2s, 4s, 8s …"),
    ],
)
def test_a_policy_says_itself_in_words(spec: RetrySpec, words: str) -> None:
    assert spec.in_words() == words
