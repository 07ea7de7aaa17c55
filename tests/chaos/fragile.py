"""A worker that a test kills: ``python fragile.py ADDRESS QUEUE`` works until it is ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker, current_job
from gnosari_temporal.testing import local_settings


class Fragile(BaseMessage):
    """Hangs in its first attempts, on file in ``folder``."""

    folder: Path
    hangs: int = 1


class FragileConsumer(BaseConsumer):
    heartbeat_timeout = 1.5

    async def process(self, message: Fragile) -> dict[str, int]:
        starts = len(list(message.folder.iterdir())) + 1
        (message.folder / f"{starts}").touch()
        if starts <= message.hangs:
            await asyncio.sleep(600)
        return {"starts": starts, "attempt": current_job().attempt, "retry_count": message.retry_count}

    def on_failure(self, exc: Exception, message: Fragile) -> None:
        (message.folder / f"on_failure {type(exc).__name__}").touch()


class Poison(BaseMessage):
    """Kills every worker that it comes to."""

    folder: Path


class PoisonConsumer(BaseConsumer):
    heartbeat_timeout = 1

    async def process(self, message: Poison) -> None:
        (message.folder / f"{len(list(message.folder.iterdir())) + 1}").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def on_failure(self, exc: Exception, message: Poison) -> None:
        (message.folder / f"on_failure {type(exc).__name__}").touch()


async def main(address: str, queue: str) -> None:
    """Work, and say when."""
    client = await GnosariClient.connect(local_settings(address, default_queue=queue, concurrency=1))
    async with GnosariWorker(client, Application.build(consumers=[FragileConsumer, PoisonConsumer])):
        print("ready", flush=True)
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
