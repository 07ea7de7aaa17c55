"""The worker as a context manager."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker
from gnosari_temporal.errors import ProjectError


class Ping(BaseMessage):
    pass


class PingConsumer(BaseConsumer):
    async def process(self, message: Ping) -> str:
        return "pong"


async def test_a_worker_that_is_left_before_it_polls_ends_all_the_same(
    gnosari_client: GnosariClient, gnosari_queue: str
) -> None:
    # given
    application = Application.build(consumers=[PingConsumer])

    # when it is left at once, and again after one job
    async with asyncio.timeout(20):
        async with GnosariWorker(gnosari_client, application, queues={gnosari_queue: 1}):
            pass
        async with GnosariWorker(gnosari_client, application, queues={gnosari_queue: 1}) as worker:
            answer = await gnosari_client.send_and_wait(Ping(), queue=gnosari_queue, wait=10)

    # then
    assert answer == "pong"
    assert worker._running is not None
    assert worker._running.done()


class Count(BaseMessage):
    pass


class CountConsumer(BaseConsumer):
    def __init__(self, counter: list[str]) -> None:
        self.counter = counter

    async def process(self, message: Count) -> int:
        self.counter.append("used")
        return self.counter.count("used")


async def test_what_consumers_share_is_opened_once_for_the_worker_and_closed_after_the_last_job(
    gnosari_client: GnosariClient, gnosari_queue: str
) -> None:
    # given
    counter: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[dict[str, Any]]:
        counter.append("opened")
        yield {"counter": counter}
        counter.append("closed")

    application = Application.build(consumers=[CountConsumer], lifespan=lifespan)

    # when two jobs run
    async with GnosariWorker(gnosari_client, application, queues={gnosari_queue: 1}):
        results = [await gnosari_client.send_and_wait(Count(), queue=gnosari_queue, wait=10) for _ in range(2)]

    # then
    assert results == [1, 2]
    assert counter == ["opened", "used", "used", "closed"]


async def test_a_lifespan_that_fails_is_named_with_its_error(gnosari_client: GnosariClient, gnosari_queue: str) -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        raise ConnectionError("the database is down")
        yield

    application = Application.build(consumers=[PingConsumer], lifespan=lifespan)
    with pytest.raises(ProjectError, match="the application's lifespan failed: ConnectionError: the database is down"):
        await GnosariWorker(gnosari_client, application, queues={gnosari_queue: 1}).run()
