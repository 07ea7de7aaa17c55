"""Jobs that outlive many orderly stops of their workers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker, current_job
from gnosari_temporal.retry import LOST_ATTEMPTS_ALLOWED

STARTED: dict[str, int] = {}


class LongMessage(BaseMessage):
    stops: int


class LongConsumer(BaseConsumer):
    async def process(self, message: LongMessage) -> int:
        STARTED[message.message_id] = STARTED.get(message.message_id, 0) + 1
        if STARTED[message.message_id] <= message.stops:
            await asyncio.sleep(60)
        return current_job().attempt


async def test_attempts_that_stopped_workers_hand_back_are_neither_failures_nor_losses(gnosari_settings):
    stops = LOST_ATTEMPTS_ALLOWED + 2
    settings = gnosari_settings.model_copy(update={"grace": timedelta(0)})
    client = await GnosariClient.connect(settings)
    application = Application.build(consumers=[LongConsumer])
    message = LongMessage(stops=stops, max_retries=0)
    job = await client.send(message)

    for number in range(1, stops + 1):
        async with GnosariWorker(client, application, settings=settings):
            async with asyncio.timeout(30):
                while STARTED.get(message.message_id, 0) < number:
                    await asyncio.sleep(0.02)
    async with GnosariWorker(client, application, settings=settings):
        attempt = await job.result(30)

    assert attempt == 1
    assert STARTED[message.message_id] == stops + 1
