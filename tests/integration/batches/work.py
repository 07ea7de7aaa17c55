"""Messages and consumers of the tests, and a worker for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, ClassVar

from temporalio import workflow

from gnosari_temporal import (
    Application,
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    GnosariWorker,
    RetrySpec,
    Settings,
    consume,
    current_job,
)


class Number(BaseMessage):
    """Doubled by its consumer; a multiple of 7 always fails, one that ends in 3 fails once."""

    n: int
    text: str = ""


class NumberConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=2, initial_interval=0.05)

    async def process(self, message: Number) -> int:
        if message.n and message.n % 7 == 0:
            raise LookupError(f"{message.n} is a multiple of seven")
        if message.n % 10 == 3 and message.retry_count == 0:
            raise ValueError("not at the first attempt")
        return message.n * 2


class Add(BaseMessage):
    """Added up by its consumer."""

    numbers: list[int]


class AddConsumer(BaseConsumer):
    async def process(self, message: Add) -> int:
        return sum(message.numbers)


class Collect(BaseMessage):
    """Given back by its consumer."""

    items: list[Any]


class CollectConsumer(BaseConsumer):
    async def process(self, message: Collect) -> list[Any]:
        return message.items


class Slow(BaseMessage):
    """Waits until the test lets it go."""

    name: str = ""


class SlowConsumer(BaseConsumer):
    release: ClassVar[dict[str, asyncio.Event]] = {}
    started: ClassVar[list[str]] = []
    cancelled: ClassVar[list[str]] = []
    timeout = timedelta(seconds=60)

    async def process(self, message: Slow) -> str:
        self.started.append(message.name)
        try:
            await self.release.setdefault(message.name, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(message.name)
            raise
        return message.name


class Tick(BaseMessage):
    """Takes a moment; its consumer counts."""

    name: str
    n: int


class TickConsumer(BaseConsumer):
    ran: ClassVar[dict[str, list[int]]] = {}

    async def process(self, message: Tick) -> int:
        await asyncio.sleep(0.05)
        self.ran.setdefault(message.name, []).append(message.n)
        return message.n


class Where(BaseMessage):
    """Answered with what its consumer knows of its job."""

    note: str = ""


class WhereConsumer(BaseConsumer):
    async def process(self, message: Where) -> dict[str, Any]:
        job = current_job()
        child = await job.send(Number(n=1), queue=job.queue.partition(".")[0]) if message.note == "send" else None
        return {
            "job": job.id,
            "key": job.idempotency_key,
            "queue": job.queue,
            "sent": child.id if child else None,
        }


class Twice(BaseMessage):
    """Has a workflow of its own."""

    n: int


@workflow.defn(name="Twice")
class TwiceWorkflow:
    @workflow.run
    async def run(self, message: Twice) -> dict[str, int]:
        first = await consume(Number(n=message.n))
        return {"twice": await consume(Number(n=first))}


CONSUMERS = (NumberConsumer, AddConsumer, CollectConsumer, SlowConsumer, TickConsumer, WhereConsumer)


@contextlib.asynccontextmanager
async def working(
    client: GnosariClient, queue: str, *, slots: int = 10, settings: Settings | None = None, **options: Any
) -> AsyncIterator[GnosariWorker]:
    """A worker of the queue."""
    application = Application.build(consumers=CONSUMERS, workflows=[TwiceWorkflow])
    async with GnosariWorker(client, application, queues={queue: slots}, settings=settings, **options) as worker:
        yield worker


async def until(condition: Callable[[], Any], *, seconds: float = 20) -> None:
    """Poll until the condition holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.02)
