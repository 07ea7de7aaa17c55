"""Records the histories of message workflows for the replay tests: ``python -m tests.replay.record_messages``."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

from gnosari_temporal import (
    Application,
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    GnosariError,
    GnosariWorker,
    JobHandle,
    JobState,
    RetrySpec,
)
from gnosari_temporal.testing import LocalServer

from .purchases import CONSUMERS, Purchase, PurchaseWorkflow
from .record_agents import HISTORIES, _keep


class Work(BaseMessage):
    """Fails ``failures`` times; takes ``seconds``."""

    failures: int = 0
    seconds: float = 0


class WorkConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=3, initial_interval=0.05)

    async def process(self, message: Work) -> str:
        await asyncio.sleep(message.seconds)
        if message.retry_count < message.failures:
            raise LookupError("not there")
        return "done"


def application() -> Application:
    """What ran when the histories were recorded."""
    return Application.build(consumers=[WorkConsumer, *CONSUMERS], workflows=[PurchaseWorkflow])


async def record(server: LocalServer) -> None:
    """Run message workflows to every end that they can have, and keep their histories."""
    client = await GnosariClient.connect(server.settings(grace=timedelta(seconds=1)))
    parts = application()
    client.registry = parts.registry

    too_late = await client.send(Work(), expires=0.3)
    await asyncio.sleep(0.5)
    async with GnosariWorker(client, parts):
        slow = await client.send(Work(seconds=60))
        retrying = await client.send(Work(failures=9), retry=RetrySpec(initial_interval=600))
        expiring = await client.send(Work(seconds=60), expires=600)
        jobs = {
            "message_succeeded": await client.send(Work()),
            "message_urgent": await client.send(Work(), priority=1, fairness_key="tenant"),
            "message_delayed": await client.send(Work(), delay=0.3),
            "message_retried": await client.send(Work(failures=2)),
            "message_failed": await client.send(Work(failures=9)),
            "message_expired": too_late,
            "message_expiring": await client.send(Work(), expires=60),
            "message_expiring_retried": await client.send(Work(failures=1), expires=60),
            "message_expiring_failed": await client.send(Work(failures=9), expires=60),
            "purchase_shipped": await client.send(Purchase(items=["a", "b"])),
            "purchase_approved": await client.send(Purchase(items=["a"], approval_timeout=60)),
            "purchase_rejected": await client.send(Purchase(items=["a"], approval_timeout=60)),
            "purchase_unanswered": await client.send(Purchase(items=["a"], approval_timeout=0.3)),
        }
        held = await client.send(Purchase(items=["a"], approval_timeout=60))
        await reach(slow, JobState.RUNNING)
        await reach(expiring, JobState.RUNNING)
        await reach(retrying, JobState.RETRYING)
        await reach(held, JobState.WAITING)
        await reach(jobs["purchase_approved"], JobState.WAITING)
        await reach(jobs["purchase_rejected"], JobState.WAITING)
        await jobs["purchase_approved"].approve(by="ann")
        await jobs["purchase_rejected"].reject(reason="too much")
        jobs |= {
            "message_cancelled": slow,
            "message_cancelled_retrying": retrying,
            "message_cancelled_expiring": expiring,
            "purchase_cancelled": held,
        }
        for job in (slow, retrying, expiring, held):
            await job.cancel()
        for job in jobs.values():
            await ended(job)
    running = await client.send(Work())
    jobs["message_begun"] = running
    for name, job in jobs.items():
        await _keep(client, job.id, None, name)


async def reach(job: JobHandle[Any], state: JobState) -> None:
    """Wait until a job is there."""
    while (await job.status()).state is not state:
        await asyncio.sleep(0.05)


async def ended(job: JobHandle[Any]) -> None:
    """Wait until a job is over."""
    try:
        await job.result(60)
    except GnosariError:
        return


def main() -> None:
    """Record on a server of its own."""
    logging.disable()
    HISTORIES.mkdir(exist_ok=True)
    with LocalServer() as server:
        asyncio.run(record(server))


if __name__ == "__main__":
    main()
