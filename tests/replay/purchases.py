"""An application with a workflow of its own, which runs in the sandbox; what the recorded histories are of."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

from gnosari_temporal import (
    BaseConsumer,
    BaseMessage,
    SendOptions,
    consume,
    current_job,
    run_child,
    start_child,
    wait_for_approval,
)
from gnosari_temporal.retry import RetrySpec


class Reserve(BaseMessage):
    item: str
    failures: int = 0


class Ship(BaseMessage):
    item: str


class Purchase(BaseMessage):
    items: list[str]
    approval_timeout: float | None = None
    failures: int = 0


class ReserveConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=3, initial_interval=0)

    async def process(self, message: Reserve) -> dict[str, Any]:
        if message.retry_count < message.failures:
            raise LookupError(f"{message.item} is not there")
        job = current_job()
        return {"item": message.item, "job": job.id, "queue": job.queue, "key": job.idempotency_key}


class ShipConsumer(BaseConsumer):
    def process(self, message: Ship) -> dict[str, Any]:
        return {"item": message.item, "job": current_job().id, "priority": message.priority}


@workflow.defn(name="Purchase")
class PurchaseWorkflow:
    """Reserves all items at once, waits for a person, ships each as a child."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    @workflow.run
    async def run(self, message: Purchase) -> dict[str, Any]:
        reserved = await asyncio.gather(
            *(consume(Reserve(item=item, failures=message.failures)) for item in message.items)
        )
        await workflow.sleep(timedelta(milliseconds=10))
        if message.approval_timeout is not None:
            answer = await wait_for_approval("Ship it?", timeout=message.approval_timeout)
            if answer is None or not answer.approved:
                return {"reserved": reserved, "shipped": [], "answer": answer}
        first = await start_child(Ship(item=message.items[0]))
        shipped = [await first]
        for item in message.items[1:]:
            shipped.append(await run_child(Ship(item=item), options=SendOptions(priority=1)))
        return {"reserved": reserved, "shipped": shipped, "child": first.id, "noted": self.noted}

    @workflow.signal
    def note(self, text: str) -> None:
        """A signal of its own."""
        self.noted.append(text)

    @workflow.query
    def notes(self) -> list[str]:
        """A query of its own."""
        return self.noted


CONSUMERS = (ReserveConsumer, ShipConsumer)
