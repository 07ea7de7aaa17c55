"""The worker as a context manager."""

from __future__ import annotations

import asyncio

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker


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
