"""What the engine adds to one message, against a workflow and an activity written by hand.

Both run on the same embedded server, one message after the other, in turns; the result is the median of the runs'
medians. The hand-written worker is measured twice: with its activities through the task queue, as
the engine's have to go for priorities to hold, and with the SDK's eager dispatch, which skips the queue.

    python -m benchmarks.overhead [--runs 5] [--messages 100]
"""

from __future__ import annotations

import argparse
import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker
from gnosari_temporal.testing import LocalServer

WARM_UP = 20

Send = Callable[[], Awaitable[object]]


class Greet(BaseMessage):
    """The engine's message."""

    who: str


class GreetConsumer(BaseConsumer):
    """The engine's consumer."""

    async def process(self, message: Greet) -> str:
        """Greet."""
        return f"Hello, {message.who}"


@dataclass
class HandWritten:
    """The input of the hand-written workflow."""

    who: str


@activity.defn
async def greet(given: HandWritten) -> str:
    """Greet."""
    return f"Hello, {given.who}"


@workflow.defn(sandboxed=False)
class HandWrittenWorkflow:
    """One activity, as the engine's workflow has it."""

    @workflow.run
    async def run(self, given: HandWritten) -> str:
        """Greet."""
        return await workflow.execute_activity(greet, given, start_to_close_timeout=timedelta(minutes=1))


async def measure(ways: dict[str, Send], messages: int) -> dict[str, float]:
    """Median seconds of one message for every way, which take turns so that they meet the same load."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(messages):
        for name, send in ways.items():
            started = time.perf_counter()
            await send()
            taken[name].append(time.perf_counter() - started)
    return {name: median(seconds) for name, seconds in taken.items()}


def hand_written(client: Client, task_queue: str) -> Send:
    """Start the hand-written workflow and wait for its result."""

    async def send() -> object:
        id = uuid.uuid4().hex
        return await client.execute_workflow(HandWrittenWorkflow.run, HandWritten("you"), id=id, task_queue=task_queue)

    return send


async def compare(runs: int, messages: int) -> dict[str, list[float]]:
    """Seconds of a message for every way and run."""
    async with LocalServer() as server:
        plain = await Client.connect(server.address)
        client = await GnosariClient.connect(server.settings())
        application = Application.build(consumers=[GreetConsumer])
        parts = {"workflows": [HandWrittenWorkflow], "activities": [greet]}
        async with (
            Worker(plain, task_queue="queued", disable_eager_activity_execution=True, **parts),
            Worker(plain, task_queue="eager", **parts),
            GnosariWorker(client, application),
        ):
            ways: dict[str, Send] = {
                "by hand": hand_written(plain, "queued"),
                "by hand, eager": hand_written(plain, "eager"),
                "gnosari_temporal": lambda: client.send_and_wait(Greet(who="you"), wait=60),
            }
            await measure(ways, WARM_UP)
            results = [await measure(ways, messages) for _ in range(runs)]
            return {name: [result[name] for result in results] for name in ways}


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--messages", type=int, default=100)
    asked = parser.parse_args()
    found = asyncio.run(compare(asked.runs, asked.messages))
    print(f"one message and its result, median of {asked.runs} runs of {asked.messages}:")
    for name, seconds in found.items():
        spread = ", ".join(f"{value * 1000:.1f}" for value in seconds)
        print(f"  {name:18} {median(seconds) * 1000:6.1f} ms   ({spread})")
    ratios = [ours / theirs for ours, theirs in zip(found["gnosari_temporal"], found["by hand"], strict=True)]
    print(f"  the engine adds {(median(ratios) - 1) * 100:.0f} % to what is written by hand")


if __name__ == "__main__":
    main()
