"""Many messages: one-by-one with 50 in flight, and as batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gnosari_temporal.server import dynamic_config

from .common import Run, Section, Table, Target, median, ratio, spread
from .stage import FILE, OURS, STOCK, Stage
from .systems import ByHand, Engine, System

IN_FLIGHT = 50

READING = (
    "Messages a second from the first send until the last result was read, by one client and one worker with 10 slots. "
    "Celery answers several times as many single messages a second as any Temporal server on the same machine: it "
    "pushes to a list and pops from it, where Temporal writes some ten events of history for each job. A batch shares "
    "one workflow between a hundred messages; a light batch needs no task queue either."
)

Measure = Callable[[], Awaitable[float]]


async def throughput(run: Run) -> Section:
    """Measure it."""
    section = Section("Messages a second", reading=READING)
    async with Stage(section) as stage:
        stock, ours, file = await stage.stock(), await stage.ours(), await stage.ours(file=True)
        by_hand = await stage.by_hand(ours, OURS)
        engine = await stage.engine(ours)
        turns: list[System] = [
            await stage.by_hand(stock, STOCK),
            by_hand,
            engine,
            await stage.by_hand(file, FILE),
            await stage.engine(file, FILE),
        ]
        celery, dbos = await stage.celery(), await stage.dbos(polling=0.01)
        turns += [celery] if celery else []
        for system in turns:
            await stage.enter_async_context(system.worker())
            await system.rate(run.count(IN_FLIGHT, 10), IN_FLIGHT)
        single: dict[System, list[float]] = {system: [] for system in (*turns, *([dbos] if dbos else []))}
        for number in range(run.rounds):
            run.say(f"messages a second: round {number + 1} of {run.rounds}")
            for system in turns:
                count = run.count(1500 if system is celery else 300, 30)
                single[system].append(await system.rate(count, IN_FLIGHT))
            if dbos:
                async with dbos.worker(IN_FLIGHT):
                    single[dbos].append(await dbos.rate(run.count(200, 10), IN_FLIGHT))
        section.tables.append(_single(single, by_hand))
        await _batches(run, section, by_hand, engine, celery.group if celery else None)
    await _price_of_order(run, section)
    return section


def _single(found: dict[System, list[float]], base: System) -> Table:
    rows = [(system.name, spread(rates), f"{ratio(rates, found[base]):.2f}") for system, rates in found.items()]
    return Table(f"Single messages, {IN_FLIGHT} in flight", ("", "messages a second", f"against {base.name}"), rows)


async def _batches(
    run: Run, section: Section, by_hand: ByHand, engine: Engine, group: Callable[[int], Awaitable[float]] | None
) -> None:
    small, large = run.count(1000, 50), run.count(10_000, 100)
    single = run.count(300, 20)
    one_by_one = f"hand-written, {single} one by one"
    many, light, celery = ("send_many of {:,}", "send_many of {:,}, light", "Celery group of {:,}")

    sides: dict[str, Measure] = {one_by_one: lambda: by_hand.one_by_one(single)}
    for count in (small, large):
        sides[many.format(count)] = lambda count=count: engine.batch(count)  # type: ignore[misc]
        sides[light.format(count)] = lambda count=count: engine.batch(count, light=True)  # type: ignore[misc]
        if group is not None:
            sides[celery.format(count)] = lambda count=count: group(count)  # type: ignore[misc]
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(run.rounds):
        run.say(f"batches: round {number + 1} of {run.rounds}")
        for name, measure in sides.items():
            if f"{large:,}" not in name or number < LARGE_ROUNDS:
                found[name].append(await measure())
    base = found[one_by_one]
    rows = [(name, spread(rates), f"{ratio(rates, base[: len(rates)]):.1f}") for name, rates in found.items()]
    note = f"Batches of {large:,}: {min(LARGE_ROUNDS, run.rounds)} round(s)."
    section.tables.append(
        Table(f"Batches, on {OURS} in memory", ("", "messages a second", "against one by one"), rows, (note,))
    )
    times = ratio(found[many.format(small)], base)
    section.targets.append(
        Target(f"send_many of {small:,}: at least 4 times one by one by hand", f"{times:.1f} times", times >= 4)
    )
    if group is not None:
        for count in (small, large):
            times = ratio(found[light.format(count)], found[celery.format(count)])
            section.targets.append(
                Target(
                    f"light=True of {count:,}: at least 1.1 times Celery's group", f"{times:.2f} times", times >= 1.1
                )
            )


LARGE_ROUNDS = 3


async def _price_of_order(run: Run, section: Section) -> None:
    """What --strict-order costs: two new servers, each with its worker."""
    async with Stage(section) as stage:
        engine = await stage.engine(await stage.ours())
        in_order = await stage.ours(config=dynamic_config(strict_order=True))
        strict = await stage.engine(in_order, f"{OURS} --strict-order", "--strict-order")
        rates: dict[Engine, list[float]] = {engine: [], strict: []}
        alone: dict[Engine, list[float]] = {engine: [], strict: []}
        for system in rates:
            await stage.enter_async_context(system.worker())
            await system.rate(run.count(IN_FLIGHT, 10), IN_FLIGHT)
        for number in range(run.rounds):
            run.say(f"strict order: round {number + 1} of {run.rounds}")
            for system in rates:
                alone[system].append(median([await system.latency() for _ in range(run.count(20, 3))]) * 1000)
                rates[system].append(await system.rate(run.count(200, 30), IN_FLIGHT))
    rows = [
        (
            system.name,
            spread(rates[system]),
            f"{ratio(rates[system], rates[engine]):.2f}",
            spread(alone[system], 1),
            f"{ratio(alone[system], alone[engine]):.2f}",
        )
        for system in rates
    ]
    columns = ("", "messages a second", "ratio", "one message, ms", "ratio")
    section.tables.append(Table("The price of --strict-order", columns, rows))
