"""Batches against messages that a hand-written client sends one by one, on the same server.

    python -m benchmarks.batches [--runs 5] [--counts 1000,10000] [--file] [--concurrency 10]

Every run has a server of its own, headless, on free ports (in memory, or with a database file), and measures all sides
on it, each with a worker in this process that has the same number of slots. A figure is messages a second from the
first send until the last result was read, the median of the runs; beside it the processor time of the server and of
this process for each message, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psutil
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from gnosari_temporal import Application, GnosariClient, GnosariWorker, Settings
from gnosari_temporal.server import EmbeddedServer

from .apps.gnosari import Double, DoubleConsumer
from .apps.hand_written import HandWritten, Job, double
from .processes import our_server
from .systems import SLOTS


@dataclass
class Figure:
    """One side of one run."""

    rate: float
    server_ms: float
    own_ms: float


async def hand_written(address: str, count: int, slots: int) -> None:
    """What a user would write: start workflow after workflow, then wait for each."""
    client = await Client.connect(address)
    queue = uuid.uuid4().hex
    async with Worker(
        client,
        task_queue=queue,
        workflows=[HandWritten],
        activities=[double],
        max_concurrent_activities=slots,
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        started = [
            await client.start_workflow(HandWritten.run, args=["double", Job(n=n)], id=f"{queue}-{n}", task_queue=queue)
            for n in range(count)
        ]
        assert [await handle.result() for handle in started] == [n * 2 for n in range(count)]


async def one_by_one(address: str, count: int, slots: int) -> None:
    """The same by ``send``."""
    async with await GnosariClient.connect(target_host=address) as client, AsyncExitStack() as stack:
        queue = await _worker(client, slots, stack)
        jobs = [await client.send(Double(n=n), queue=queue) for n in range(count)]
        assert [await job.result() for job in jobs] == [n * 2 for n in range(count)]


async def batch(address: str, count: int, slots: int, *, light: bool = False) -> None:
    """The same by ``send_many``."""
    async with await GnosariClient.connect(target_host=address) as client, AsyncExitStack() as stack:
        queue = await _worker(client, slots, stack)
        sent = await client.send_many((Double(n=n) for n in range(count)), queue=queue, light=light)
        assert await sent.results() == [n * 2 for n in range(count)]


async def light(address: str, count: int, slots: int) -> None:
    """The same by ``send_many(light=True)``."""
    await batch(address, count, slots, light=True)


async def _worker(client: GnosariClient, slots: int, stack: AsyncExitStack) -> str:
    queue = uuid.uuid4().hex
    application = Application.build(consumers=[DoubleConsumer])
    await stack.enter_async_context(
        GnosariWorker(client, application, settings=Settings(concurrency=slots), queues={queue: slots})
    )
    return queue


Side = Callable[[str, int, int], Awaitable[None]]


async def measure(side: Side, server: EmbeddedServer, count: int, slots: int) -> Figure:
    """Run one side."""
    processes = psutil.Process(server.pid), psutil.Process()
    before = [sum(process.cpu_times()[:2]) for process in processes]
    began = time.perf_counter()
    await side(server.address, count, slots)
    seconds = time.perf_counter() - began
    spent = [sum(process.cpu_times()[:2]) - b for process, b in zip(processes, before, strict=True)]
    return Figure(count / seconds, *(1000 * s / count for s in spent))


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--counts", default="1000,10000", help="sizes of the batches")
    parser.add_argument("--single", type=int, default=500, help="messages that are sent one by one")
    parser.add_argument("--concurrency", type=int, default=SLOTS)
    parser.add_argument("--file", action="store_true", help="with a database file")
    parser.add_argument("--only", default="", help="names of sides, with commas")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    counts = [int(count) for count in given.counts.split(",") if count]
    sides: dict[str, tuple[Side, int]] = {
        "hand-written, one by one": (hand_written, given.single),
        "send, one by one": (one_by_one, given.single),
        **{f"send_many({count})": (batch, count) for count in counts},
        **{f"send_many({count}, light)": (light, count) for count in counts},
    }
    if given.only:
        sides = {name: side for name, side in sides.items() if any(word in name for word in given.only.split(","))}
    found: dict[str, list[Figure]] = {name: [] for name in sides}
    for run in range(given.runs):
        async with our_server(file=given.file, headless=True) as server:
            for name, (side, count) in sides.items():
                figure = await measure(side, server, count, given.concurrency)
                found[name].append(figure)
                print(f"  run {run + 1}: {name}: {figure.rate:.0f}/s", flush=True)
    print(f"\n{'':28}{'messages/s':>12}{'ratio':>8}{'server ms':>12}{'client and worker ms':>22}")
    base = statistics.median(figure.rate for figure in next(iter(found.values())))
    for name, figures in found.items():
        rate, server_ms, own_ms = (
            statistics.median(values)
            for values in zip(*((f.rate, f.server_ms, f.own_ms) for f in figures), strict=True)
        )
        print(f"{name:28}{rate:12.0f}{rate / base:8.1f}{server_ms:12.2f}{own_ms:22.2f}")


if __name__ == "__main__":
    asyncio.run(main())
