"""Expiry: a job that is not started in time never runs; one that has started goes on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gnosari_temporal import BaseConsumer, BaseMessage, GnosariClient, JobExpired, JobFailed, JobState, RetrySpec
from gnosari_temporal.errors import InvalidMessage


class Work(BaseMessage):
    failures: int = 0


class WorkConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=3, initial_interval=0.6, backoff_coefficient=1)

    async def process(self, message: Work) -> int:
        runs.append(message.message_id)
        if message.retry_count < message.failures:
            raise ConnectionError("not yet")
        return message.retry_count


class Busy(BaseMessage):
    pass


runs: list[str] = []


async def test_a_job_that_no_worker_takes_in_time_is_expired_and_never_runs(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    job = await gnosari_client.send(Work(), expires=0.3)
    assert (await job.status()).expires_at is not None
    await asyncio.sleep(0.4)
    assert (await job.status()).state is JobState.EXPIRED  # seen already, while no worker has been told

    await gnosari_worker(WorkConsumer)
    with pytest.raises(JobExpired, match="not started before its expiry at 20"):
        await job.result(10)
    assert (await job.status()).state is JobState.EXPIRED
    assert job.message_id not in runs


async def test_a_job_that_waits_behind_others_expires_too(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    class BusyConsumer(BaseConsumer):
        async def process(self, message: Busy) -> None:
            started.set()
            await release.wait()

    started, release = asyncio.Event(), asyncio.Event()
    queue = gnosari_client.settings.default_queue
    await gnosari_worker(BusyConsumer, WorkConsumer, queues={queue: 1})
    busy = await gnosari_client.send(Busy())
    await started.wait()
    job = await gnosari_client.send(Work(), expires=0.3)
    with pytest.raises(JobExpired):
        await job.result(10)
    release.set()
    await busy.result(10)
    assert job.message_id not in runs


async def test_a_job_that_has_started_is_retried_beyond_its_expiry(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    await gnosari_worker(WorkConsumer)
    job = await gnosari_client.send(Work(failures=2), expires=0.5)
    assert await job.result(10) == 2
    assert runs.count(job.message_id) == 3


async def test_an_expiry_may_be_a_time_and_counts_the_delay(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    await gnosari_worker(WorkConsumer)
    job = await gnosari_client.send(Work(), delay=0.3, expires=datetime.now(UTC) + timedelta(seconds=30))
    assert await job.result(10) == 0
    with pytest.raises(InvalidMessage, match="the job could never run"):
        await gnosari_client.send(Work(), delay=5, expires=3)


async def test_an_expired_job_can_be_sent_again(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    message = Work()
    job = await gnosari_client.send(message, expires=0.1)
    await asyncio.sleep(0.2)
    await gnosari_worker(WorkConsumer)
    with pytest.raises(JobExpired):
        await job.result(10)
    assert await gnosari_client.send_and_wait(message, wait=10) == 0


async def test_expired_jobs_are_listed_as_such(gnosari_client: GnosariClient, gnosari_worker: Any, until: Any) -> None:
    job = await gnosari_client.send(Work(), expires=0.1)
    await asyncio.sleep(0.2)
    await gnosari_worker(WorkConsumer)
    with pytest.raises(JobExpired):
        await job.result(10)

    async def listed() -> bool:
        return job.id in [status.id async for status in gnosari_client.jobs(state="expired", type="Work")]

    await until(listed)
    failed = [status.id async for status in gnosari_client.jobs(state="failed", type="Work")]
    assert job.id not in failed


async def test_an_attempt_that_a_stopped_worker_hands_back_is_no_failure_of_an_expiring_job(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    class HeldConsumer(BaseConsumer):
        async def process(self, message: Busy) -> int:
            runs.append(message.message_id)
            if runs.count(message.message_id) == 1:
                started.set()
                await asyncio.sleep(60)
            return message.retry_count

    started = asyncio.Event()
    settings = gnosari_client.settings.model_copy(update={"grace": timedelta(0)})
    first = await gnosari_worker(HeldConsumer, settings=settings)
    job = await gnosari_client.send(Busy(max_retries=0), expires=60)
    await asyncio.wait_for(started.wait(), 10)
    await first.shutdown()

    await gnosari_worker(HeldConsumer, settings=settings)
    assert await job.result(20) == 0
    assert runs.count(job.message_id) == 2


async def test_all_attempts_of_an_expiring_job_share_one_schedule_to_close(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    class BriefConsumer(WorkConsumer):
        retry = RetrySpec(maximum_attempts=20, initial_interval=0.6, backoff_coefficient=1)
        schedule_to_close = 1.5

    await gnosari_worker(BriefConsumer)
    job = await gnosari_client.send(Work(failures=20), expires=60)
    with pytest.raises(JobFailed):
        await job.result(20)
    assert runs.count(job.message_id) <= 3
