"""The worker as a context manager."""

from __future__ import annotations

import asyncio
import uuid

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker
from gnosari_temporal.server import EmbeddedServer, ServerOptions


class Ping(BaseMessage):
    pass


class PingConsumer(BaseConsumer):
    async def process(self, message: Ping) -> str:
        return "pong"


async def test_a_worker_that_is_left_before_it_polls_ends_all_the_same() -> None:
    # given
    async with EmbeddedServer(ServerOptions(port=0, headless=True)) as server:
        client = await GnosariClient.connect(target_host=server.address)
        application = Application.build(consumers=[PingConsumer])

        # when it is left at once, and again after one job
        async with asyncio.timeout(20):
            async with GnosariWorker(client, application, queues={f"q-{uuid.uuid4().hex}": 1}):
                pass
            queue = f"q-{uuid.uuid4().hex}"
            async with GnosariWorker(client, application, queues={queue: 1}) as worker:
                answer = await client.send_and_wait(Ping(), queue=queue, wait=10)

    # then
    assert answer == "pong"
    assert worker._running is not None
    assert worker._running.done()
