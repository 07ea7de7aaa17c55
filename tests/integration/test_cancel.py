"""Cancellation reaches what runs, and what does not run yet never does."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from gnosari_temporal import (
    Application,
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    JobCancelled,
    JobNotFound,
    JobState,
    RetrySpec,
    current_job,
)
from gnosari_temporal.worker import GnosariWorker


class Work(BaseMessage):
    kind: str = "waits"


class Gate:
    """What a consumer tells its test."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.stopped = threading.Event()
        self.failures: list[str] = []

    async def wait_started(self) -> None:
        assert await asyncio.to_thread(self.started.wait, 10)


class Async(BaseConsumer):
    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    async def process(self, message: Work) -> str:
        self.gate.started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if message.kind == "finishes":
                return "finished all the same"
            raise
        finally:
            self.gate.stopped.set()
        return "slept"

    def on_failure(self, exc: Exception, message: Work) -> None:
        self.gate.failures.append(repr(exc))


class Sync(Async):
    def process(self, message: Work) -> str:  # type: ignore[override]
        self.gate.started.set()
        try:
            for _ in range(6000):
                time.sleep(0.01)
        finally:
            self.gate.stopped.set()
        return "slept"


class Fails(Async):
    retry = RetrySpec(maximum_attempts=9, initial_interval=600)

    async def process(self, message: Work) -> str:
        self.gate.started.set()
        raise ConnectionError("not now")


def with_gate(kind: type[BaseConsumer], gate: Gate) -> Any:
    return Application.build(consumers=[kind], factory=lambda consumer, resources: consumer(gate))  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [Async, Sync])
async def test_cancellation_reaches_process_within_seconds_and_is_no_failure(
    kind: type[BaseConsumer], gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    gate = Gate()
    await gnosari_worker(with_gate(kind, gate))
    job = await gnosari_client.send(Work())
    await gate.wait_started()

    await job.cancel()
    with pytest.raises(JobCancelled, match=f"job {job.id} was cancelled"):
        await job.result(10)
    assert gate.stopped.is_set()
    assert gate.failures == []
    assert (await job.status()).state is JobState.CANCELLED


async def test_a_process_that_finishes_all_the_same_has_succeeded(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    gate = Gate()
    await gnosari_worker(with_gate(Async, gate))
    job = await gnosari_client.send(Work(kind="finishes"))
    await gate.wait_started()
    await job.cancel()
    assert await job.result(10) == "finished all the same"


async def test_a_job_that_waits_for_a_worker_is_cancelled_and_never_runs(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    gate = Gate()
    job = await gnosari_client.send(Work())
    await job.cancel()
    await gnosari_worker(with_gate(Async, gate))
    with pytest.raises(JobCancelled):
        await job.result(10)
    assert not gate.started.is_set()


async def test_a_job_that_waits_for_its_start_is_cancelled_at_once(gnosari_client: GnosariClient) -> None:
    job = await gnosari_client.send(Work(), delay=600)
    await job.cancel()
    with pytest.raises(JobCancelled, match="was cancelled before its start"):
        await job.result(10)
    assert (await job.status()).state is JobState.CANCELLED


async def test_a_job_that_waits_for_its_next_attempt_is_cancelled_at_once(
    gnosari_client: GnosariClient, gnosari_worker: Any, until: Any
) -> None:
    gate = Gate()
    await gnosari_worker(with_gate(Fails, gate))
    job = await gnosari_client.send(Work())

    async def retrying() -> bool:
        return (await job.status()).state is JobState.RETRYING

    await until(retrying)
    await job.cancel()
    with pytest.raises(JobCancelled):
        await job.result(10)


async def test_a_terminated_job_is_over_at_once(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    gate = Gate()
    await gnosari_worker(with_gate(Async, gate))
    job = await gnosari_client.send(Work())
    await gate.wait_started()
    await job.terminate("enough")
    with pytest.raises(JobCancelled, match="was terminated"):
        await job.result(10)
    assert (await job.status()).reason == "terminated"


async def test_a_job_that_is_over_cannot_be_cancelled(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    class Quick(BaseConsumer):
        async def process(self, message: Work) -> str:
            return current_job().id

    await gnosari_worker(Quick)
    job = await gnosari_client.send(Work())
    await job.result(10)
    with pytest.raises(JobNotFound, match=f"job {job.id} is over already"):
        await job.cancel()


async def test_a_cancelled_job_can_be_sent_again(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    message = Work(kind="again")
    job = await gnosari_client.send(message, delay=600)
    await job.cancel()
    with pytest.raises(JobCancelled):
        await job.result(10)
    again = await gnosari_client.send(message, delay=600)
    assert again.run_id != job.run_id
    await again.terminate()


async def test_a_worker_that_stops_hands_its_job_to_the_next_one(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    class Patient(BaseConsumer):
        retry = RetrySpec(maximum_attempts=1)

        async def process(self, message: Work) -> int:
            attempts.append(current_job().attempt)
            if len(attempts) == 1:
                started.set()
                await asyncio.sleep(60)
            return len(attempts)

    attempts: list[int] = []
    started = asyncio.Event()
    settings = gnosari_client.settings.model_copy(update={"grace": timedelta(0)})
    first: GnosariWorker = await gnosari_worker(Patient, settings=settings)
    job = await gnosari_client.send(Work())
    await started.wait()

    await first.shutdown()
    await gnosari_worker(Patient)
    assert await job.result(20) == 2
    assert attempts == [1, 1]  # the first attempt was lost, not failed
