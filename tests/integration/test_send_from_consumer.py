"""Messages that a consumer sends, once however often it is tried."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gnosari_temporal import BaseConsumer, BaseMessage, GnosariClient, JobFailed, RetrySpec, blocking, current_job
from gnosari_temporal.errors import EventLoopRunning, GnosariError


class Parcel(BaseMessage):
    address: str


class ParcelConsumer(BaseConsumer):
    async def process(self, message: Parcel) -> str:
        return f"delivered to {message.address}"


class Order(BaseMessage):
    how: str = "async"
    failures: int = 0


class OrderConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=3, initial_interval=0)

    async def process(self, message: Order) -> list[str]:
        job = current_job()
        sent = [await job.send(Parcel(address="home")), await job.send(Parcel(address="work"), priority=1)]
        if message.retry_count < message.failures:
            raise ConnectionError("after sending")
        await asyncio.gather(*(one.result(10) for one in sent))
        return [one.id for one in sent]


class PlainOrder(Order):
    pass


class PlainOrderConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=3, initial_interval=0)

    def process(self, message: PlainOrder) -> list[str]:
        sent = [current_job().send_blocking(Parcel(address=place)) for place in ("home", "work")]
        if message.retry_count < message.failures:
            raise ConnectionError("after sending")
        return [one.id for one in sent]


class Helper(BaseMessage):
    """Its consumer calls a helper function that knows nothing of jobs."""

    in_loop: bool = False


class HelperConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=1)

    async def process(self, message: Helper) -> Any:
        return send_parcel() if message.in_loop else await asyncio.to_thread(send_parcel)


class PlainHelper(BaseMessage):
    pass


class PlainHelperConsumer(BaseConsumer):
    def process(self, message: PlainHelper) -> Any:
        return send_parcel()


def send_parcel() -> list[str]:
    job = blocking.send(Parcel(address="there"))
    return [job.id, job.result(10), job.status().state]


@pytest.fixture
async def client(gnosari_client: GnosariClient, gnosari_worker: Any) -> GnosariClient:
    await gnosari_worker(ParcelConsumer, OrderConsumer, PlainOrderConsumer, HelperConsumer, PlainHelperConsumer)
    return gnosari_client


async def parcels(client: GnosariClient, order: str) -> list[str]:
    found = [status.id async for status in client.jobs(type="Parcel", limit=None)]
    return sorted(id for id in found if order in id)


@pytest.mark.parametrize("kind", [Order, PlainOrder])
async def test_an_attempt_that_is_repeated_does_not_send_twice(
    kind: type[Order], client: GnosariClient, until: Any
) -> None:
    job = await client.send(kind(failures=2))
    sent = await job.result(20)
    assert sent == [f"Parcel/{job.id}.1.1", f"Parcel/{job.id}.1.2"]

    async def seen() -> bool:
        return await parcels(client, job.id) == sorted(sent)

    await until(seen)


async def test_a_job_that_is_sent_again_after_it_failed_does_not_send_twice_either(
    client: GnosariClient, until: Any
) -> None:
    message = Order(failures=9)
    job = await client.send(message, retry=RetrySpec(maximum_attempts=1))
    with pytest.raises(JobFailed):
        await job.result(20)
    message.failures = 0
    again = await client.send(Order(message_id=message.message_id, failures=0))
    sent = await again.result(20)

    async def seen() -> bool:
        return await parcels(client, job.id) == sorted(sent)

    await until(seen)


async def test_a_job_that_was_sent_is_followed_by_its_id(client: GnosariClient) -> None:
    first, second = await client.send_and_wait(Order(), wait=20)
    assert await client.job(first).result(10) == "delivered to home"
    assert (await client.job(second).status()).priority == 1


@pytest.mark.parametrize("message", [PlainHelper(), Helper()])
async def test_a_helper_that_blocks_works_in_plain_code_and_uses_the_worker_s_connection(
    client: GnosariClient, message: BaseMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")  # where the helper would go by itself
    id, result, state = await client.send_and_wait(message, wait=20)
    assert id.startswith("Parcel/")
    assert (result, state) == ("delivered to there", "SUCCEEDED")


async def test_a_helper_that_would_block_the_worker_s_loop_is_refused_with_the_remedy(client: GnosariClient) -> None:
    job = await client.send(Helper(in_loop=True))
    with pytest.raises(JobFailed, match=r"write `await current_job\(\).send\(message\)`, or make process") as caught:
        await job.result(20)
    assert caught.value.exception_type == EventLoopRunning.__name__


async def test_outside_a_consumer_there_is_no_job_to_send_from() -> None:
    with pytest.raises(GnosariError, match=r"current_job\(\) works inside process"):
        await current_job().send(Parcel(address="home"))
