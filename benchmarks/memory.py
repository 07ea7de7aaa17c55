"""Workers: how long they take to start, what memory they take, and what a long queue does to both."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from .common import Run, Section, Table, Target, median, ratio, spread
from .processes import Process
from .stage import STOCK, Stage
from .systems import Result, System

READING = (
    "Start is from the command until a message that waits begins to be processed. Memory is that of the worker with "
    "its child processes, pages that they share counted once; Celery's prefork pool has ten of them. For the two "
    "backlogs a message is sent for each that was answered, so that as many wait all the time; each round has a worker "
    "of its own for each."
)

_AT_ONCE = 50


async def memory(run: Run) -> Section:
    """Measure it."""
    section = Section("Workers: start, memory, long queues", reading=READING)
    many, few = run.count(10_000, 100), run.count(100, 10)
    first, measured = run.count(1000, 50), run.count(200, 20)
    async with Stage(section) as stage:
        ours = await stage.ours()
        engine = await stage.engine(ours)
        by_hand, celery, dbos = (
            await stage.by_hand(await stage.stock(), STOCK),
            await stage.celery(),
            await stage.dbos(),
        )
        systems = [system for system in (engine, by_hand, celery, dbos) if system is not None]
        starts: dict[System, list[float]] = {system: [] for system in systems}
        rest: dict[System, list[float]] = {system: [] for system in systems}
        for number in range(run.rounds):
            run.say(f"worker start: round {number + 1} of {run.rounds}")
            for system in systems:
                seconds, megabytes = await _start(system)
                starts[system].append(seconds)
                rest[system].append(megabytes)
        after: dict[System, dict[int, float]] = {system: {} for system in systems}
        loaded = [system for system in (engine, celery) if system is not None]
        rows = []
        for system in loaded:
            few_system = await stage.engine(ours) if system is engine else await stage.celery()
            assert few_system is not None
            run.say(f"long queues: {many:,} messages for {system.name}")
            backlogs = {few: Backlog(few_system, await few_system.send_doubles(few))}
            backlogs[many] = Backlog(system, await system.send_doubles(many))
            rates: dict[int, list[float]] = {few: [], many: []}
            for number in range(run.rounds):
                run.say(f"long queues: {system.name}, round {number + 1} of {run.rounds}")
                for waiting, backlog in backlogs.items():
                    async with backlog.system.worker(ready=False):
                        rates[waiting].append(await backlog.rate(measured))
            against = ratio(rates[many], rates[few])
            rows.append((system.name, spread(rates[few]), spread(rates[many]), f"{against:.2f}"))
            if system is engine:
                section.targets.append(
                    Target(
                        f"messages a second with {many:,} waiting: at least 0.9 of that with {few:,}",
                        f"{against:.2f}",
                        against >= 0.9,
                    )
                )
            run.say(f"memory: {many:,} messages through one worker of {system.name}")
            async with system.worker(ready=False) as process:
                after[system] = await backlogs[many].drain(process, (first, many))
        run.say("memory: the others")
        for system in systems:
            if system not in loaded:
                async with system.worker() as process:
                    backlog = Backlog(system, await system.send_doubles(first))
                    after[system] = await backlog.drain(process, (first,))
    section.tables.append(
        Table(
            "Start and memory",
            ("", "start, s", "MB at rest", f"after {first:,} messages", f"after {many:,}"),
            [
                (
                    system.name,
                    spread(starts[system], 1),
                    f"{median(rest[system]):.0f}",
                    *(f"{after[system][n]:.0f}" if n in after[system] else "–" for n in (first, many)),
                )
                for system in systems
            ],
        )
    )
    section.tables.append(
        Table(
            "Messages a second with few and many waiting",
            ("", f"{few:,} waiting", f"{many:,} waiting", "ratio"),
            rows,
        )
    )
    grown = after[engine][many] / after[engine][first]
    section.targets.insert(
        0,
        Target(
            f"memory after {many:,} messages within 15% of that after {first:,}", f"{grown - 1:+.0%}", grown <= 1.15
        ),
    )
    return section


async def _start(system: System) -> tuple[float, float]:
    """Seconds until a new worker begins a message that waits, and its megabytes a little later."""
    await system.prepare()
    result = await system.send("begin")
    async with system.worker(ready=False) as process:
        waiting = asyncio.ensure_future(_result_of(result))
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=1)
            if process.ended:
                waiting.cancel()
                raise RuntimeError(f"the worker of {system.name} ended:\n{process.log()}")
        await asyncio.sleep(1)
        return waiting.result() - process.started, process.megabytes()


async def _result_of(result: Result) -> float:
    return float(await result())


class Backlog:
    """Messages that wait, with how to wait for the result of each, in the order sent."""

    def __init__(self, system: System, sent: list[Result]) -> None:
        self.system = system
        self._sent = deque(sent)

    async def rate(self, count: int) -> float:
        """Messages a second while one is sent for each that is answered; the first ones, with the start, left out."""
        ends: list[float] = []
        skipped = _AT_ONCE

        async def one_after_another() -> None:
            while len(ends) < skipped + count:
                await self._sent.popleft()()
                ends.append(time.perf_counter())
                self._sent.append(await self.system.send("double", n=1))

        await asyncio.gather(*(one_after_another() for _ in range(min(_AT_ONCE, len(self._sent)))))
        return count / (ends[skipped + count - 1] - ends[skipped - 1])

    async def drain(self, process: Process, at: tuple[int, ...]) -> dict[int, float]:
        """Wait for all; the worker's megabytes after so many."""
        found: dict[int, float] = {}
        for number in range(1, max(at) + 1):
            await self._sent.popleft()()
            if number in at:
                found[number] = process.megabytes()
        return found
