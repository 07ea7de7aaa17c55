"""Batches of a size that takes minutes: memory stays flat."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from gnosari_temporal import GnosariClient
from gnosari_temporal.testing import LocalServer

from .large_worker import Item

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1700)]

MEGABYTE = 1 << 20
CLIENT_GROWTH = 40 * MEGABYTE
"""What the client may need more for a larger batch."""
WORKER_MOST = 400 * MEGABYTE
"""What a worker may need whatever the size: a full cache of chunks takes 0.2 GB; without its limit 24,000 messages that
wait would take 0.6 GB, and 100,000 would take 2 GB."""


class Memory:
    """The most memory that this process and the worker have used since the last look."""

    def __init__(self, worker: int) -> None:
        self._processes = {"client": psutil.Process(), "worker": psutil.Process(worker)}
        self.most: dict[str, int] = {}

    def look(self) -> None:
        for name, process in self._processes.items():
            self.most[name] = max(self.most.get(name, 0), process.memory_info().rss)

    def start_anew(self) -> dict[str, int]:
        gc.collect()
        before, self.most = self.most, {}
        return before


@pytest.fixture
def worker(server: LocalServer, queue: str) -> Iterator[int]:
    """The process id of a worker."""
    script = Path(__file__).with_name("large_worker.py")
    with subprocess.Popen(
        [sys.executable, script, server.address, queue], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        yield process.pid
        process.kill()


async def run(client: GnosariClient, queue: str, count: int, memory: Memory, **how: bool) -> None:
    async def messages() -> AsyncIterator[Item]:
        for n in range(count):
            if n % 1000 == 0:
                memory.look()
            yield Item(n=n)

    batch = await client.send_many(messages(), queue=queue, **how)
    done = 0
    async for outcome in batch.outcomes():
        assert outcome.value == outcome.index == done
        done += 1
        if done % 1000 == 0:
            memory.look()
    assert done == count
    assert (await batch.progress()).finished
    memory.look()


async def test_memory_of_client_and_worker_is_flat_over_100000_messages(
    client: GnosariClient, queue: str, worker: int
) -> None:
    memory = Memory(worker)
    await run(client, queue, 10_000, memory, light=True)
    small = memory.start_anew()

    await run(client, queue, 100_000, memory, light=True)

    large = memory.start_anew()
    print({name: (small[name] // MEGABYTE, large[name] // MEGABYTE) for name in large})
    assert large["client"] < small["client"] + CLIENT_GROWTH
    assert large["worker"] < WORKER_MOST


async def test_memory_of_the_worker_is_flat_though_every_message_waits_as_an_activity(
    client: GnosariClient, queue: str, worker: int
) -> None:
    memory = Memory(worker)
    await run(client, queue, 2_000, memory)
    small = memory.start_anew()

    await run(client, queue, 24_000, memory)

    large = memory.start_anew()
    print({name: (small[name] // MEGABYTE, large[name] // MEGABYTE) for name in large})
    assert large["client"] < small["client"] + CLIENT_GROWTH
    assert large["worker"] < WORKER_MOST
