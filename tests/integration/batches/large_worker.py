"""A worker in a process of its own: ``python large_worker.py ADDRESS QUEUE``."""

from __future__ import annotations

import asyncio
import logging
import sys

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker
from gnosari_temporal.testing import local_settings


class Item(BaseMessage):
    n: int


class ItemConsumer(BaseConsumer):
    async def process(self, message: Item) -> int:
        return message.n


async def main(address: str, queue: str) -> None:
    client = await GnosariClient.connect(local_settings(address))
    async with GnosariWorker(client, Application.build(consumers=[ItemConsumer]), queues={queue: 10}):
        print("working", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable()
    asyncio.run(main(*sys.argv[1:]))
