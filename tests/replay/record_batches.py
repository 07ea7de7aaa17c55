"""Records the histories of batches and canvases for the replay tests: ``python -m tests.replay.record_batches``."""

from __future__ import annotations

import asyncio
import logging

from temporalio import workflow

from gnosari_temporal import (
    Application,
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    GnosariWorker,
    RetrySpec,
    chain,
    consume,
    group,
    signature,
)
from gnosari_temporal.testing import LocalServer

from .record_agents import HISTORIES, _keep


class Number(BaseMessage):
    """Doubled; 7 always fails, 3 fails once, 0 never ends."""

    n: int


class NumberConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=2, initial_interval=0.05)

    async def process(self, message: Number) -> int:
        if message.n == 7 or (message.n == 3 and message.retry_count == 0):
            raise LookupError(message.n)
        if message.n == 0:
            await asyncio.sleep(60)
        return message.n * 2


class Add(BaseMessage):
    numbers: list[int]


class AddConsumer(BaseConsumer):
    async def process(self, message: Add) -> int:
        return sum(message.numbers)


class Twice(BaseMessage):
    n: int


@workflow.defn(name="Twice", sandboxed=False)
class TwiceWorkflow:
    @workflow.run
    async def run(self, message: Twice) -> int:
        doubled: int = await consume(Number(n=message.n))
        return doubled


CONSUMERS = (NumberConsumer, AddConsumer)


def mixed(prefix: str) -> list[object]:
    """Messages with everything that a chunk does."""
    return [
        Number(n=1, message_id=f"{prefix}1"),
        Number(n=3, message_id=f"{prefix}3"),
        Number(n=7, message_id=f"{prefix}7"),
        Twice(n=5, message_id=f"{prefix}twice"),
        signature(Number(n=3, message_id=f"{prefix}expires"), expires=60),
        signature(Number(n=4, message_id=f"{prefix}urgent"), priority=1),
        signature(Number(n=2, message_id=f"{prefix}later"), delay=0.1),
    ]


async def record(server: LocalServer) -> None:
    """Run batches and canvases and keep the histories of their workflows."""
    client = await GnosariClient.connect(server.settings())
    application = Application.build(consumers=CONSUMERS, workflows=[TwiceWorkflow])
    client.registry = application.registry
    async with GnosariWorker(client, application):
        kept = {}
        for name, how in {"plain": {}, "light": {"light": True}, "workflows": {"as_workflows": True}}.items():
            batch = await client.send_many(mixed(name), batch_id=name, **how)  # type: ignore[arg-type]
            await batch.results(60, return_exceptions=True)
            kept[f"{name}/0"] = f"batch_{name}"
        single = await client.send_many(
            [Number(n=0, message_id="never"), Number(n=0, message_id="ever"), Number(n=1)], batch_id="cancelled"
        )
        while (await single.progress()).running < 2:
            await asyncio.sleep(0.05)
        await client.job(single.job_id("never")).cancel()
        while (await client.job(single.job_id("never")).status()).state != "CANCELLED":
            await asyncio.sleep(0.05)
        await single.cancel()
        await single.results(60, return_exceptions=True)
        kept["cancelled/0"] = "batch_cancelled"

        tree = chain(
            group(Number(n=1), chain(Number(n=2), signature(Number, into="n")), Twice(n=4)),
            signature(Add, into="numbers"),
            group([Number(n=n) for n in (3, 7)], keep_failures=True),
        )
        canvas = await client.send_canvas(tree, id="tree")
        await canvas.result(60)
        wide = await client.send_canvas(chain(group(Number(n=1) for _ in range(101)), Number(n=7)), id="wide")
        while not (await wide.status()).state.ended:
            await asyncio.sleep(0.05)
        kept |= {
            "GnosariCanvas/tree": "canvas_tree",
            "GnosariCanvas/wide": "canvas_wide",
            "GnosariCanvas/wide.0.0.0": "canvas_part",
        }
    for id, name in kept.items():
        await _keep(client, id, None, name)


def main() -> None:
    """Record on a server of its own."""
    logging.disable()
    HISTORIES.mkdir(exist_ok=True)
    with LocalServer() as server:
        asyncio.run(record(server))


if __name__ == "__main__":
    main()
