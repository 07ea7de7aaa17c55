"""Urgent messages: how long one waits while every slot is on a long job and more of them wait."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from .apps.work import read_marks
from .common import Run, Section, Table, Target, percentile
from .stage import OURS, STOCK, Stage
from .systems import System

SLOTS = 8
EXPRESS = SLOTS // 2
LONG = 10.0
_BUSY_WITHIN = 60.0
_SETTLE = 3.0

READING = (
    f"A worker with {SLOTS} slots has a job of {LONG:g} s in every one, at even distances, and 500 more wait. Then "
    "urgent messages are sent, and each tells when it began. On Celery, DBOS and a plain Temporal worker priorities "
    "order what waits, and the first of it begins when a job ends: with jobs of 10 s in 8 slots about every 1.25 s. "
    "The engine's express lane has slots of its own. With two workers one is wholly busy, its express slots too, and "
    "must not take what the other could start."
)


@dataclass(frozen=True)
class Try:
    """One urgent message: when it was sent, and how much later it began, in milliseconds."""

    after_call: float
    after_send: float


async def priority(run: Run) -> Section:
    """Measure it."""
    section = Section("Urgent messages", reading=READING)
    tries, slow_tries, waiting = run.count(100, 10), run.count(10, 2), run.count(500, 20)
    found: dict[str, list[Try]] = {}
    async with Stage(section) as stage:
        engine = await stage.engine(await stage.ours())
        others = [
            await stage.by_hand(await stage.stock(), STOCK),
            *[system for system in (await stage.celery(), await stage.dbos()) if system is not None],
        ]
        run.say(f"urgent messages: {len(others) + 1} workers with {SLOTS} long jobs and {waiting} waiting")
        for system in (engine, *others):
            await stage.enter_async_context(_busy_worker(system, waiting))
        await asyncio.sleep(_SETTLE)
        measured = await asyncio.gather(
            _urgent(engine, tries, every=0.12), *(_urgent(system, slow_tries, every=1.2) for system in others)
        )
        found |= {system.name: times for system, times in zip((engine, *others), measured, strict=True)}
    two = f"gnosari_temporal, {OURS}, two workers"
    async with Stage(section) as stage:
        run.say("urgent messages: two workers, one wholly busy")
        engine = await stage.engine(await stage.ours())
        async with _busy_worker(engine, waiting, express=EXPRESS), engine.worker(SLOTS, ready=False) as second:
            await asyncio.sleep(_SETTLE)
            assert not second.ended, second.log()
            found[two] = await _urgent(engine, tries, every=0.12)
    section.tables.append(_table(found))
    for name in (engine.name, two):
        p99 = percentile([one.after_send for one in found[name]], 99)
        section.targets.append(
            Target(f"{name}: begins within 150 ms of send, at the 99th percentile", f"{p99:.0f} ms", p99 < 150)
        )
    return section


@asynccontextmanager
async def _busy_worker(system: System, waiting: int, *, express: int = 0) -> AsyncIterator[None]:
    """A worker with a long job in every slot, and more waiting; ``express``: in so many express slots too."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        marks = str(Path(folder) / "began")
        async with system.worker(SLOTS) as process:
            for number in range(SLOTS):
                # The first end one after another, as jobs that did not start together do.
                seconds = LONG + LONG * (number + 1) / SLOTS
                await system.send("hold", seconds=seconds, path=marks)
            for _ in range(express):
                await system.send("hold", urgent=True, seconds=600.0, path=marks)
            await _until(lambda: len(read_marks(marks)) == SLOTS + express, _BUSY_WITHIN)
            for _ in range(waiting):
                await system.send("hold", seconds=LONG, path=marks)
            yield
            process.kill()


async def _until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the long jobs did not begin in {seconds:g} s")
        await asyncio.sleep(0.02)


async def _urgent(system: System, tries: int, *, every: float) -> list[Try]:
    """Send urgent messages at even distances, without waiting for one before sending the next."""
    sent = []
    began = time.monotonic()
    for number in range(tries):
        await asyncio.sleep(max(began + number * every - time.monotonic(), 0))
        called = time.monotonic()
        result = await system.send("begin", urgent=True)
        sent.append((called, time.monotonic(), result))
    found = []
    for called, returned, result in sent:
        started = await result()
        found.append(Try((started - called) * 1000, max(started - returned, 0) * 1000))
    return found


def _table(found: dict[str, list[Try]]) -> Table:
    rows = []
    for name, tries in found.items():
        after_send, after_call = [one.after_send for one in tries], [one.after_call for one in tries]
        figures = [percentile(values, p) for values in (after_send, after_call) for p in (50, 99)]
        rows.append((name, *(f"{figure:,.0f}" for figure in figures), str(len(tries))))
    return Table(
        "Until an urgent message begins",
        ("", "after send returned, p50, ms", "p99, ms", "after send was called, p50, ms", "p99, ms", "messages"),
        rows,
        ("Measured at the same time: with every slot asleep the machine is idle but for the urgent messages.",),
    )
