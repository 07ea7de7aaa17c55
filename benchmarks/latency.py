"""One message: from the call that sends it until its result is there, nothing else going on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .common import Run, Section, Table, Target, median, percentile, ratio
from .stage import FILE, OURS, STOCK, Stage
from .systems import System

WARM_UP = 10

READING = (
    "A connected client sends one short job and waits for its result. One after another: the next is sent at once, a "
    "block of messages for each side in turn. Now and then: the sides take turns message by message, so that each has "
    "a pause of some tenths of a second. A stock Temporal server allows 20 steps a second, and a job is two or three: "
    "messages that follow each other wait for that; one now and then does not, and there the engine's server is no "
    "faster. The hand-written side is a workflow with one activity; with its worker's options at their defaults it "
    "hands the activity over without a queue (eager dispatch), which the engine does not, since priorities hold in "
    "queues only. Celery on Redis is faster and does less: it keeps no history of the job nor, as set up here, the job "
    "itself over a crash of Redis."
)


@dataclass
class Taken:
    """Milliseconds of a side's messages, round by round."""

    rounds: list[list[float]] = field(default_factory=list)

    @property
    def medians(self) -> list[float]:
        """The median of each round."""
        return [median(one) for one in self.rounds]

    @property
    def p99(self) -> float:
        """Of all messages."""
        return percentile([taken for one in self.rounds for taken in one], 99)


async def latency(run: Run) -> Section:
    """Measure it."""
    section = Section("Latency of one message", reading=READING)
    async with Stage(section) as stage:
        stock, ours, file = await stage.stock(), await stage.ours(), await stage.ours(file=True)
        by_hand_stock = await stage.by_hand(stock, STOCK)
        by_hand, engine = await stage.by_hand(ours, OURS), await stage.engine(ours)
        by_hand_file, engine_file = await stage.by_hand(file, FILE), await stage.engine(file, FILE)
        sides: list[System] = [
            by_hand_stock,
            await stage.by_hand(stock, STOCK, "--unsandboxed", "--queued"),
            by_hand,
            await stage.by_hand(ours, OURS, "--unsandboxed"),
            await stage.by_hand(ours, OURS, "--unsandboxed", "--queued"),
            engine,
            by_hand_file,
            engine_file,
        ]
        celery = await stage.celery()
        sides += [celery] if celery else []
        polled = [dbos for dbos in (await stage.dbos(), await stage.dbos(polling=0.01)) if dbos is not None]
        on_end = {system: Taken() for system in (*sides, *polled)}
        apart = {system: Taken() for system in sides}
        for system in sides:
            await stage.enter_async_context(system.worker())
            await _block(system, run.count(WARM_UP, 2))
        for number in range(run.rounds):
            run.say(f"latency: round {number + 1} of {run.rounds}")
            for system in sides:
                on_end[system].rounds.append(await _block(system, run.count(30, 5)))
            for system, taken in (await _in_turns(sides, run.count(20, 3))).items():
                apart[system].rounds.append(taken)
            # Polling a file a hundred times a second takes processor time from others: it has the machine alone.
            for dbos in polled:
                async with dbos.worker():
                    on_end[dbos].rounds.append(await _block(dbos, run.count(5, 2)))
    section.tables.append(_table("One after another", on_end, by_hand))
    section.tables.append(_table("Now and then", apart, by_hand))
    one = median(on_end[engine].medians)
    section.targets.append(Target("a message comes back in a median under 25 ms", f"{one:.1f} ms", one < 25))
    for what, its, base in (
        ("the engine adds less than 10% to what is written by hand", engine, by_hand),
        ("… with a database file", engine_file, by_hand_file),
    ):
        added = ratio(on_end[its].medians, on_end[base].medians) - 1
        section.targets.append(Target(what, f"{added:+.0%}", added < 0.1))
    times = ratio(on_end[by_hand_stock].medians, on_end[engine].medians)
    section.targets.append(
        Target(
            "one after another, at least 4 times faster than the same by hand on the stock server",
            f"{times:.1f} times",
            times >= 4,
        )
    )
    return section


async def _block(system: System, count: int) -> list[float]:
    return [await system.latency() * 1000 for _ in range(count)]


async def _in_turns(systems: Sequence[System], count: int) -> dict[System, list[float]]:
    taken: dict[System, list[float]] = {system: [] for system in systems}
    for _ in range(count):
        for system in systems:
            taken[system].append(await system.latency() * 1000)
    return taken


def _table(title: str, found: dict[System, Taken], base: System) -> Table:
    rows = [
        (
            system.name,
            f"{median(taken.medians):.1f}",
            f"{taken.p99:.1f}",
            f"{ratio(taken.medians, found[base].medians):.2f}",
            str(sum(map(len, taken.rounds))),
        )
        for system, taken in found.items()
    ]
    return Table(
        title,
        ("", "p50, ms", "p99, ms", f"against {base.name}", "messages"),
        rows,
        ("p50 is the median of the rounds' medians, p99 that of all messages.",),
    )
