"""kill -9: how long until a job goes on after its worker was killed."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from .apps.work import read_marks
from .common import Run, Section, Table, spread
from .processes import Process
from .stage import STOCK, Stage
from .systems import Dbos, System

VISIBILITY_TIMEOUT = 10.0
_WITHIN = 180.0

READING = (
    "A worker that holds one job is killed with all its processes, while another one is there with nothing to do; the "
    "time is from the kill until the job's next attempt begins. Temporal misses the heartbeats of the job, so their "
    "timeout is what counts. Celery with late acknowledgement hands a job out again after the visibility timeout, an "
    "hour if nobody sets it, whether its worker lives or not: with 10 s, as here, every job of more than 10 s runs "
    "twice sooner or later; and a worker looks for overdue jobs every 100 s. DBOS gives a dead worker's jobs to the "
    "next process with its executor id, so the time is that of starting one again at once; without that, or its "
    "Conductor, they stay."
)


async def recovery(run: Run) -> Section:
    """Measure it."""
    section = Section("After kill -9 of a worker", reading=READING)
    async with Stage(section) as stage:
        ours = await stage.ours()
        cases: dict[str, tuple[System, str]] = {
            "gnosari_temporal, heartbeat_timeout 10 s (default)": (await stage.engine(ours), "survive"),
            "gnosari_temporal, heartbeat_timeout 2 s": (await stage.engine(ours), "survive sooner"),
            "hand-written with heartbeats, timeout 10 s, stock dev server": (
                await stage.by_hand(await stage.stock(), STOCK),
                "survive",
            ),
        }
        dbos = await stage.dbos()
        if dbos:
            cases["DBOS on SQLite, its worker started again"] = (dbos, "survive")
        found: dict[str, list[float]] = {name: [] for name in cases}
        # All at the same time: what is measured are timeouts, the machine has little to do.
        celery = None if run.quick else await stage.celery(visibility_timeout=VISIBILITY_TIMEOUT)
        once = asyncio.create_task(_killed(celery, "survive")) if celery else None
        for number in range(run.rounds):
            run.say(f"kill -9: round {number + 1} of {run.rounds}")
            seconds = await asyncio.gather(*(_killed(system, job) for system, job in cases.values()))
            for name, one in zip(cases, seconds, strict=True):
                found[name].append(one)
        if once is not None:
            run.say("kill -9: Celery looks for overdue jobs every 100 s")
            found[f"Celery on Redis, visibility_timeout {VISIBILITY_TIMEOUT:g} s, once"] = [await once]
    rows = [(name, spread(seconds, 1)) for name, seconds in found.items()]
    section.tables.append(Table("From the kill to the next attempt", ("", "s"), rows))
    return section


async def _killed(system: System, job: str) -> float:
    """Kill the worker that runs a job; seconds until another attempt begins."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        marks = str(Path(folder) / "began")
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(system.worker(1))
            result = await system.send(job, path=marks)
            await _attempt(system, marks, 1)
            if not isinstance(system, Dbos):
                # The first worker's only slot is taken, so what is ready here is the second.
                await stack.enter_async_context(system.worker(1))
            killed = time.monotonic()
            first.kill()
            if isinstance(system, Dbos):
                await stack.enter_async_context(Process(*system.command(1)))
            began = await _attempt(system, marks, 2)
            assert await result() == 2
            return began - killed


async def _attempt(system: System, marks: str, number: int) -> float:
    """When the attempt of this number began."""
    deadline = time.monotonic() + _WITHIN
    while len(found := read_marks(marks)) < number:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{system.name}: attempt {number} did not begin in {_WITHIN:g} s")
        await asyncio.sleep(0.02)
    return found[number - 1]
