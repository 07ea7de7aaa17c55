"""Workers: how long they take to start, what memory they take, and what a long queue does to both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from .common import Run, Section, Table, Target, median, ratio, spread
from .stage import OURS, Stage
from .systems import Dbos, Result, System

READING = (
    "Start is from the command until a message that waits begins to be processed. Memory is that of the worker with "
    "its child processes, pages that they share counted once; Celery's prefork pool has ten of them. For the two "
    "backlogs a message is sent for each that is done, so that as many wait all the time; each round has a worker of "
    "its own for each, and a message is done when its result is there."
)

_LEFT_OUT = 50
_LOOK_EVERY = 0.1


async def memory(run: Run) -> Section:
    """Measure it."""
    section = Section("Workers: start, memory, long queues", reading=READING)
    many, few = run.count(10_000, 100), run.count(100, 10)
    first = run.count(1000, 50)
    async with Stage(section) as stage:
        ours = await stage.ours()
        opened: list[Callable[[], Awaitable[System | None]]] = [
            lambda: stage.engine(ours),
            lambda: stage.by_hand(ours, OURS),
            stage.celery,
            stage.dbos,
        ]
        systems = [system for system in [await one() for one in opened] if system is not None]
        engine, by_hand, *_ = systems
        starts = await _starts(run, systems)
        rates: list[tuple[str, ...]] = []
        after: dict[System, dict[int, float]] = {}
        for system, again in zip(systems, opened, strict=False):
            backlogs: dict[int, Backlog] = {}
            if not isinstance(system, Dbos):
                less = await again()
                assert less is not None
                run.say(f"long queues: {many:,} messages for {system.name}")
                backlogs = {few: await Backlog.of(less, few), many: await Backlog.of(system, many)}
                measured = await _rates(run, system, backlogs)
                against = ratio(measured[many], measured[few])
                rates.append((system.name, spread(measured[few]), spread(measured[many]), f"{against:.2f}"))
                if system is engine:
                    section.targets.append(
                        Target(
                            f"messages a second with {many:,} waiting: at least 0.9 of that with {few:,}",
                            f"{against:.2f}",
                            against >= 0.9,
                        )
                    )
            # By hand and with DBOS ten thousand take minutes and say nothing new.
            at = (first, many) if backlogs and system is not by_hand else (first,)
            run.say(f"memory: {at[-1]:,} messages through one worker of {system.name}")
            after[system] = await (backlogs.get(many) or await Backlog.of(system, first)).drain(at)
    section.tables += [
        Table(
            "Start and memory",
            ("", "start, s", "MB at rest", f"after {first:,} messages", f"after {many:,}"),
            [
                (
                    system.name,
                    spread([seconds for seconds, _ in starts[system]], 1),
                    f"{median(megabytes for _, megabytes in starts[system]):.0f}",
                    *(f"{after[system][n]:.0f}" if n in after[system] else "–" for n in (first, many)),
                )
                for system in systems
            ],
        ),
        Table(
            "Messages a second with few and many waiting",
            ("", f"{few:,} waiting", f"{many:,} waiting", "ratio"),
            rates,
        ),
    ]
    grown = after[engine][many] / after[engine][first]
    section.targets.insert(
        0,
        Target(
            f"memory after {many:,} messages within 15% of that after {first:,}", f"{grown - 1:+.0%}", grown <= 1.15
        ),
    )
    return section


async def _starts(run: Run, systems: list[System]) -> dict[System, list[tuple[float, float]]]:
    """Of each round seconds until a worker works, and its megabytes at rest."""
    found: dict[System, list[tuple[float, float]]] = {system: [] for system in systems}
    for number in range(run.rounds):
        run.say(f"worker start: round {number + 1} of {run.rounds}")
        for system in systems:
            found[system].append(await _start(system))
    return found


async def _rates(run: Run, system: System, backlogs: Mapping[int, Backlog]) -> dict[int, list[float]]:
    """Of each backlog its messages a second in every round."""
    count = run.count(300, 20)
    found: dict[int, list[float]] = {waiting: [] for waiting in backlogs}
    for number in range(run.rounds):
        run.say(f"long queues: {system.name}, round {number + 1} of {run.rounds}")
        for waiting, backlog in backlogs.items():
            found[waiting].append(await backlog.rate(count))
    return found


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
    """A queue with as many messages waiting all the time."""

    def __init__(self, system: System, done: int) -> None:
        self._system = system
        self._done = done
        """How many were done when it was last filled up."""

    @classmethod
    async def of(cls, system: System, waiting: int) -> Backlog:
        """With so many, sent now."""
        done = await system.done()
        await system.send_doubles(waiting)
        return cls(system, done)

    async def rate(self, count: int) -> float:
        """Messages a second of a new worker while one is sent for each that is done; the first ones left out."""
        await self._fill_up()
        async with self._system.worker(ready=False):
            began, already = await self._filled_until(self._done + _LEFT_OUT)
            ended, done = await self._filled_until(already + count)
            return (done - already) / (ended - began)

    async def drain(self, at: tuple[int, ...]) -> dict[int, float]:
        """The megabytes of a new worker when so many are done."""
        await self._fill_up()
        found: dict[int, float] = {}
        async with self._system.worker(ready=False) as process:
            for number in at:
                while await self._system.done() < self._done + number:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY)
                found[number] = process.megabytes()
        return found

    async def _filled_until(self, enough: int) -> tuple[float, int]:
        """When so many are done, and how many those are."""
        while self._done < enough:
            await asyncio.sleep(_LOOK_EVERY)
            await self._fill_up()
        return time.perf_counter(), self._done

    async def _fill_up(self) -> None:
        done = await self._system.done()
        await self._system.send_doubles(done - self._done)
        self._done = done
