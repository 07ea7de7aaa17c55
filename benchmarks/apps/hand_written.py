"""The jobs written by hand with the Temporal SDK."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from .work import SURVIVOR_STAYS, mark


@dataclass
class Job:
    """The input of every job."""

    n: int = 0
    seconds: float = 0
    path: str = ""


@activity.defn
async def double(job: Job) -> int:
    return job.n * 2


@activity.defn
async def hold(job: Job) -> None:
    mark(job.path)
    await asyncio.sleep(job.seconds)


@activity.defn
async def begin(job: Job) -> float:
    return time.monotonic()


@activity.defn
async def survive(job: Job) -> int:
    async with _heartbeats():
        attempt = mark(job.path)
        if attempt == 1:
            await asyncio.sleep(SURVIVOR_STAYS)
        return attempt


@contextlib.asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(1)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


ACTIVITIES = {"double": double, "hold": hold, "begin": begin, "survive": survive}


@workflow.defn
class HandWritten:
    @workflow.run
    async def run(self, name: str, job: Job) -> float | None:
        return await workflow.execute_activity(
            ACTIVITIES[name],
            job,
            start_to_close_timeout=timedelta(minutes=15),
            heartbeat_timeout=timedelta(seconds=10) if name == "survive" else None,
            priority=workflow.info().priority,
            result_type=float if name == "begin" else int,
        )
