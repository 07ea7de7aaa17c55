"""One message: from the call that sends it until its result is there, nothing else going on."""

from __future__ import annotations

from collections.abc import Sequence

from .common import Run, Section, Table, Target, median, percentile, ratio
from .stage import FILE, OURS, STOCK, Stage
from .systems import System

WARM_UP = 10

READING = (
    "A connected client sends one short job and waits for its result, then sends the next; the sides take turns "
    "message by message. The hand-written side is a workflow with one activity, the options of its worker at their "
    "defaults: it hands the activity over without a queue (eager dispatch). The engine does not, since priorities hold "
    "in queues only. Celery on Redis is faster and does less: it keeps no history of the job nor, as set up here, the "
    "job itself over a crash of Redis."
)


async def latency(run: Run) -> Section:
    """Measure it."""
    section = Section("Latency of one message", reading=READING)
    async with Stage(section) as stage:
        stock, ours, file = await stage.stock(), await stage.ours(), await stage.ours(file=True)
        by_hand_stock = await stage.by_hand(stock, STOCK)
        by_hand = await stage.by_hand(ours, OURS)
        unsandboxed = await stage.by_hand(ours, OURS, "--unsandboxed")
        queued = await stage.by_hand(ours, OURS, "--unsandboxed", "--queued")
        engine = await stage.engine(ours)
        by_hand_file = await stage.by_hand(file, FILE)
        engine_file = await stage.engine(file, FILE)
        turns: list[System] = [by_hand_stock, by_hand, unsandboxed, queued, engine, by_hand_file, engine_file]
        celery = await stage.celery()
        if celery is not None:
            turns.append(celery)
        polled = [dbos for dbos in (await stage.dbos(), await stage.dbos(polling=0.01)) if dbos is not None]
        taken: dict[System, list[list[float]]] = {system: [] for system in (*turns, *polled)}
        for system in turns:
            await stage.enter_async_context(system.worker())
            for _ in range(run.count(WARM_UP, 2)):
                await system.latency()
        for number in range(run.rounds):
            run.say(f"latency: round {number + 1} of {run.rounds}")
            _add(taken, await _in_turns(turns, run.count(60, 5)))
            # Polling a file a hundred times a second takes processor time from others: it has the machine alone.
            for dbos in polled:
                async with dbos.worker():
                    _add(taken, await _in_turns([dbos], run.count(6, 2)))
    section.tables.append(_table(taken, by_hand))
    _targets(section, taken, by_hand_stock, by_hand, engine, by_hand_file, engine_file)
    return section


async def _in_turns(systems: Sequence[System], count: int) -> dict[System, list[float]]:
    taken: dict[System, list[float]] = {system: [] for system in systems}
    for _ in range(count):
        for system in systems:
            taken[system].append(await system.latency())
    return taken


def _add(taken: dict[System, list[list[float]]], found: dict[System, list[float]]) -> None:
    for system, seconds in found.items():
        taken[system].append(seconds)


def _medians(taken: dict[System, list[list[float]]], system: System) -> list[float]:
    return [median(seconds) * 1000 for seconds in taken[system]]


def _table(taken: dict[System, list[list[float]]], base: System) -> Table:
    rows = []
    for system, rounds in taken.items():
        every = [seconds * 1000 for one in rounds for seconds in one]
        against = ratio(_medians(taken, system), _medians(taken, base))
        p50, p99 = median(_medians(taken, system)), percentile(every, 99)
        rows.append((system.name, f"{p50:.1f}", f"{p99:.1f}", f"{against:.2f}", str(len(every))))
    return Table(
        "Send one message and wait for its result",
        ("", "p50, ms", "p99, ms", f"against {base.name}", "messages"),
        rows,
        ("p50 is the median of the rounds' medians, p99 that of all messages.",),
    )


def _targets(
    section: Section,
    taken: dict[System, list[list[float]]],
    by_hand_stock: System,
    by_hand: System,
    engine: System,
    by_hand_file: System,
    engine_file: System,
) -> None:
    one = median(_medians(taken, engine))
    section.targets.append(Target("a message comes back in a median under 25 ms", f"{one:.1f} ms", one < 25))
    added = ratio(_medians(taken, engine), _medians(taken, by_hand)) - 1
    section.targets.append(
        Target("the engine adds less than 10% to what is written by hand", f"{added * 100:+.0f}%", added < 0.1)
    )
    added = ratio(_medians(taken, engine_file), _medians(taken, by_hand_file)) - 1
    section.targets.append(Target("… with a database file", f"{added * 100:+.0f}%", added < 0.1))
    times = ratio(_medians(taken, by_hand_stock), _medians(taken, engine))
    section.targets.append(
        Target("at least 4 times faster than the same by hand on the stock server", f"{times:.1f} times", times >= 4)
    )
