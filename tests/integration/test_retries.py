"""Retries and their waits, on a server whose time is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from gnosari_temporal import (
    Application,
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    JobFailed,
    JobState,
    RetryLater,
    RetrySpec,
    current_job,
)
from gnosari_temporal.testing import TimeSkipping


class Work(BaseMessage):
    failures: int = 0
    """How often it fails."""


class Seen(BaseConsumer):
    """Notes every attempt in the list that its test gives it."""

    def __init__(self, seen: list[tuple[int, int, float]]) -> None:
        self.seen = seen

    async def process(self, message: Work) -> int:
        job = current_job()
        deadline = job.deadline
        assert deadline is not None
        self.seen.append((message.retry_count, job.attempt, deadline.timestamp()))
        if message.retry_count < message.failures:
            raise ConnectionError("not yet")
        return message.retry_count


class SeenTwiceApart(Seen):
    retry = RetrySpec(maximum_attempts=3, initial_interval=timedelta(minutes=10), backoff_coefficient=6)


async def run(skipping: TimeSkipping, kind: type[Seen], message: Work, **options: Any) -> tuple[Any, list[float]]:
    """The outcome, and the waits between the attempts in seconds."""
    seen: list[tuple[int, int, float]] = []
    await skipping.worker(application(kind, seen))
    job = await skipping.client.send(message, **options)
    try:
        outcome: Any = await job.result(60)
    except JobFailed as error:
        outcome = error
    times = [time for _, _, time in seen]
    assert [(retries, attempt) for retries, attempt, _ in seen] == [(n, n + 1) for n in range(len(seen))]
    return outcome, [later - earlier for earlier, later in pairwise(times)]


def application(kind: type[BaseConsumer], seen: Sequence[Any]) -> Any:
    return Application.build(consumers=[kind], factory=lambda consumer, resources: consumer(seen))  # type: ignore[call-arg]


def about(*seconds: float) -> Any:
    return pytest.approx(list(seconds), abs=1.0)


async def test_by_default_a_message_is_retried_three_times_after_2_4_and_8_seconds(
    gnosari_time_skipping: TimeSkipping,
) -> None:
    outcome, waits = await run(gnosari_time_skipping, Seen, Work(failures=9))
    assert isinstance(outcome, JobFailed)
    assert (outcome.exception_type, outcome.attempts) == ("ConnectionError", 4)
    assert waits == about(2, 4, 8)


async def test_a_retry_that_succeeds_ends_the_job_well(gnosari_time_skipping: TimeSkipping) -> None:
    outcome, waits = await run(gnosari_time_skipping, Seen, Work(failures=2))
    assert outcome == 2
    assert waits == about(2, 4)


async def test_max_retries_of_the_message_counts_where_no_policy_is_declared(
    gnosari_time_skipping: TimeSkipping,
) -> None:
    outcome, waits = await run(gnosari_time_skipping, Seen, Work(failures=9, max_retries=0))
    assert outcome.attempts == 1
    assert waits == []


async def test_a_declared_policy_counts_before_the_message_s(gnosari_time_skipping: TimeSkipping) -> None:
    outcome, waits = await run(gnosari_time_skipping, SeenTwiceApart, Work(failures=9, max_retries=0))
    assert outcome.attempts == 3
    assert waits == about(600, 3600)


async def test_a_policy_of_the_send_counts_before_the_declared_one(gnosari_time_skipping: TimeSkipping) -> None:
    retry = RetrySpec(maximum_attempts=0, initial_interval=timedelta(hours=1), maximum_interval=timedelta(hours=2))
    outcome, waits = await run(gnosari_time_skipping, SeenTwiceApart, Work(failures=4), retry=retry)
    assert outcome == 4
    assert waits == about(3600, 7200, 7200, 7200)


async def test_a_consumer_s_own_delay_is_kept_to(gnosari_time_skipping: TimeSkipping) -> None:
    class Later(Seen):
        async def process(self, message: Work) -> int:
            try:
                return await super().process(message)
            except ConnectionError as error:
                raise RetryLater(str(error), delay=timedelta(days=1)) from error

    outcome, waits = await run(gnosari_time_skipping, Later, Work(failures=2))
    assert outcome == 2
    assert waits == about(86_400, 86_400)


class Quick(BaseConsumer):
    retry = RetrySpec(maximum_attempts=0, initial_interval=0)

    async def process(self, message: Work) -> int:
        if message.retry_count < message.failures:
            raise ConnectionError("not yet")
        return message.retry_count


async def test_many_failures_in_a_row_are_counted_and_none_is_taken_for_a_loss(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    await gnosari_worker(Quick)
    assert await gnosari_client.send_and_wait(Work(failures=12), wait=30) == 12


class Tight(BaseConsumer):
    timeout = 0.3
    retry = RetrySpec(maximum_attempts=2, initial_interval=0)

    async def process(self, message: Work) -> int:
        if message.retry_count < message.failures:
            await asyncio.sleep(30)
        return message.retry_count


async def test_an_attempt_over_its_timeout_is_retried_and_told(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    await gnosari_worker(Tight)
    assert await gnosari_client.send_and_wait(Work(failures=1), wait=30) == 1
    job = await gnosari_client.send(Work(failures=9))
    with pytest.raises(JobFailed, match="Tight took longer than its timeout of 300ms") as caught:
        await job.result(30)
    assert (caught.value.exception_type, caught.value.attempts) == ("ConsumerTimeout", 2)
    assert (await job.status()).state is JobState.FAILED
