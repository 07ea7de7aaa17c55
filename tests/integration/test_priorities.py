"""Priorities hold: order inside a queue, the express lane, routes and fairness, on the real server."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker, JobState, current_job
from gnosari_temporal.server import dynamic_config
from gnosari_temporal.settings import Lane
from gnosari_temporal.testing import LocalServer

JOBS = 200


class NoteMessage(BaseMessage):
    number: int
    seconds: float = 0.0


class Notes:
    """What started, in the order in which it started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int, int]] = []
        self.times: dict[int, float] = {}


class NoteConsumer(BaseConsumer):
    def __init__(self, notes: Notes) -> None:
        self.notes = notes

    async def process(self, message: NoteMessage) -> None:
        self.notes.times[message.number] = time.perf_counter()
        self.notes.started.append((current_job().queue, message.priority, message.number))
        if message.seconds:
            await asyncio.sleep(message.seconds)


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def start(gnosari_worker, gnosari_settings, notes):
    """Starts a worker with these settings that keeps its notes in ``notes``."""

    async def begin(**settings) -> GnosariWorker:
        return await gnosari_worker(application(notes), settings=gnosari_settings.model_copy(update=settings))

    return begin


def application(notes: Notes) -> Application:
    return Application.build(consumers=[NoteConsumer], factory=lambda consumer, _resources: consumer(notes=notes))


async def send_mixed(client: GnosariClient, count: int = JOBS):
    numbers = random.Random(3)
    messages = [NoteMessage(number=number, priority=numbers.randint(1, 10)) for number in range(count)]
    return messages, [await client.send(message) for message in messages]


def started_on(notes: Notes, queue: str) -> list[tuple[int, int]]:
    return [(priority, number) for name, priority, number in notes.started if name == queue]


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_no_lower_priority_starts_before_a_waiting_higher_one_and_both_lanes_progress(
    concurrency, gnosari_client, gnosari_queue, start, notes
):
    messages, jobs = await send_mixed(gnosari_client)

    await start(concurrency=concurrency)
    await asyncio.gather(*(job.result(60) for job in jobs))

    ordinary, express = started_on(notes, gnosari_queue), started_on(notes, f"{gnosari_queue}.express")
    assert {number for _, number in express} == {m.number for m in messages if m.priority <= 3}
    assert {number for _, number in ordinary} == {m.number for m in messages if m.priority > 3}
    for lane in (ordinary, express):
        priorities = [priority for priority, _ in lane]
        assert priorities == sorted(priorities)


async def test_strict_order_starts_jobs_exactly_by_priority_and_time_of_sending(gnosari_queue, notes):
    async with LocalServer(dynamic_config=dynamic_config(strict_order=True)) as server:
        settings = server.settings(default_queue=gnosari_queue, concurrency=1, strict_order=True)
        client = await GnosariClient.connect(settings)
        _, jobs = await send_mixed(client)
        async with GnosariWorker(client, application(notes)):
            await asyncio.gather(*(job.result(90) for job in jobs))

    for queue in (gnosari_queue, f"{gnosari_queue}.express"):
        assert started_on(notes, queue) == sorted(started_on(notes, queue))


async def test_an_urgent_job_starts_while_every_ordinary_slot_is_busy(gnosari_client, start, notes):
    await start(concurrency=2)
    slow = [await gnosari_client.send(NoteMessage(number=number, seconds=60)) for number in range(2)]
    waiting = [await gnosari_client.send(NoteMessage(number=100 + number)) for number in range(20)]
    while len(notes.started) < len(slow):
        await asyncio.sleep(0.01)

    urgent = await gnosari_client.send(NoteMessage(number=1000, priority=1))
    await urgent.result(10)

    assert [(await job.status()).state for job in slow] == [JobState.RUNNING] * 2
    assert 100 not in notes.times
    for job in (*slow, *waiting):
        await job.terminate()


async def test_an_urgent_job_goes_to_the_idle_one_of_two_workers(gnosari_client, gnosari_settings, notes, start):
    await start(concurrency=1, express=1)
    busy = [await gnosari_client.send(NoteMessage(number=1, seconds=60, priority=1))]
    busy.append(await gnosari_client.send(NoteMessage(number=2, seconds=60)))
    while len(notes.started) < len(busy):
        await asyncio.sleep(0.01)

    # One process has one worker for a queue and connection, so the second brings its own.
    async with GnosariWorker(await GnosariClient.connect(gnosari_settings), application(notes)):
        await (await gnosari_client.send(NoteMessage(number=1000, priority=2))).result(10)

    assert 1000 in notes.times
    for job in busy:
        await job.terminate()


async def test_more_lanes_give_more_task_queues_and_none_turns_them_off(gnosari_client, gnosari_queue, start, notes):
    lanes = (Lane(name="urgent", priorities=(1, 2), slots=1), Lane(name="bulk", priorities=(9, 10), slots=1))
    laned = await start(lanes=lanes)
    assert list(laned.task_queues) == [gnosari_queue, f"{gnosari_queue}.urgent", f"{gnosari_queue}.bulk"]
    for number, priority in enumerate((1, 5, 10)):
        await gnosari_client.send_and_wait(NoteMessage(number=number, priority=priority), wait=20)
    assert [queue for queue, _, _ in notes.started] == [
        f"{gnosari_queue}.urgent",
        gnosari_queue,
        f"{gnosari_queue}.bulk",
    ]
    await laned.shutdown()
    notes.started.clear()

    plain = await start(lanes=())
    assert list(plain.task_queues) == [gnosari_queue]
    await gnosari_client.send_and_wait(NoteMessage(number=3, priority=1), wait=20)
    assert notes.started[0][0] == gnosari_queue


async def test_a_route_leads_a_message_to_its_queue(gnosari_server, gnosari_queue, gnosari_worker, notes):
    special = f"{gnosari_queue}-special"
    settings = gnosari_server.settings(default_queue=gnosari_queue, routes={f"{__name__}.Note*": special}, grace=1)
    client = await GnosariClient.connect(settings)

    async with GnosariWorker(client, application(notes), queues={special: 1}):
        await client.send_and_wait(NoteMessage(number=1), wait=20)
        await client.send_and_wait(NoteMessage(number=2, priority=1), wait=20)

    assert [queue for queue, _, _ in notes.started] == [special, f"{special}.express"]


async def test_three_jobs_of_one_fairness_key_are_not_behind_three_hundred_of_another(gnosari_client, start, notes):
    for number in range(300):
        await gnosari_client.send(NoteMessage(number=number), fairness_key="large")
    few = [await gnosari_client.send(NoteMessage(number=1000 + n), fairness_key="small") for n in range(3)]

    await start(concurrency=1, lanes=())
    await asyncio.gather(*(job.result(60) for job in few))

    places = [place for place, (_, _, number) in enumerate(notes.started) if number >= 1000]
    assert len(places) == 3
    assert max(places) < 60
