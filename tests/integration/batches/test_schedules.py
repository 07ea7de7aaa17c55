"""Schedules by the client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from gnosari_temporal import BaseMessage, GnosariClient, JobState, SendOptions
from gnosari_temporal.client import Schedules, ScheduleStatus, Timing
from gnosari_temporal.errors import InvalidMessage, InvalidSchedule, ScheduleError, ScheduleExists, ScheduleNotFound

from .work import Number, Twice, Where, working


async def until(schedules: Schedules, name: str, condition: Callable[[ScheduleStatus], object]) -> ScheduleStatus:
    async with asyncio.timeout(20):
        while not condition(status := await schedules.status(name)):
            await asyncio.sleep(0.05)
    return status


@pytest.mark.parametrize("message", [Where(), Twice(n=1)], ids=["default workflow", "own workflow"])
async def test_every_firing_is_a_job_with_a_message_of_its_own(
    client: GnosariClient, queue: str, name: str, message: BaseMessage
) -> None:
    async with working(client, queue):
        # when it is fired by hand, since the test need not wait
        await client.schedules.create(name, message, timing=Timing(cron="@yearly"), queue=queue, priority=2, expires=60)
        await client.schedules.trigger(name)
        status = await until(client.schedules, name, lambda status: status.recent)

        # then
        job = client.job(status.recent[0].job_id)
        result = await job.result(20)
        assert job.id.startswith(f"{type(message).__name__}/{name}-")
        if isinstance(message, Where):
            assert result["job"] == job.id
            assert result["queue"] == f"{queue}.express"
        else:
            assert result == {"twice": 4}
        state = await job.status()
        assert (state.state, state.priority) == (JobState.SUCCEEDED, 2)
        assert state.created_at is not None
        assert state.expires_at == state.created_at + timedelta(seconds=60)
        started = (await job.workflow.fetch_history()).events[0].workflow_execution_started_event_attributes
        assert {"gnosari", "gnosari_schedule"} <= set(started.memo.fields)
        await client.schedules.delete(name)


async def test_the_consumer_sees_the_id_and_the_time_of_the_firing(
    client: GnosariClient, queue: str, name: str
) -> None:
    async with working(client, queue):
        await client.schedules.create(name, Where(note="send"), every=3600, queue=queue)
        await client.schedules.trigger(name)
        status = await until(client.schedules, name, lambda status: status.recent)
        firing = status.recent[0].job_id

        # what the job sends has ids of its own, which differ from firing to firing
        assert (await client.job(firing).result(20))["sent"] == f"Number/{firing}.1.1"
        await client.schedules.delete(name)


async def test_a_schedule_is_changed_piece_by_piece(client: GnosariClient, queue: str, name: str) -> None:
    schedules = client.schedules
    await schedules.create(name, Number(n=1), every=3600, offset=60, overlap="buffer_one", queue=queue, note="first")

    # when only the rhythm changes, the rest stays
    await schedules.update(name, cron="0 3 * * *", time_zone="Asia/Tokyo")
    status = await schedules.status(name)
    assert status.timing == Timing(cron="0 3 * * *", time_zone="Asia/Tokyo", overlap="buffer_one")
    assert (status.note, status.queue, status.message["n"]) == ("first", queue, 1)

    # when only the message changes, the rhythm stays
    await schedules.update(name, Number(n=2), SendOptions(queue="other", priority=9), note="second", paused=True)
    status = await schedules.status(name)
    assert status.timing is not None
    assert status.timing.in_words() == "0 3 * * * Asia/Tokyo"
    assert (status.note, status.queue, status.priority, status.message["n"]) == ("second", "other", 9, 2)
    assert (status.paused, status.next) == (True, ())

    # when nothing that can be is said
    with pytest.raises(InvalidSchedule, match="give the message too"):
        await schedules.update(name, priority=1)
    await schedules.unpause(name, note="go")
    assert (await schedules.status(name)).note == "go"
    await schedules.delete(name)


async def test_what_cannot_be_is_refused(client: GnosariClient, name: str) -> None:
    schedules = client.schedules
    for values, error, words in [
        ({"cron": "60 * * * *"}, InvalidSchedule, r"cron '60 \* \* \* \*': Minute is not in range \[0-59\]"),
        ({"cron": "* *"}, InvalidSchedule, "it has not 5 fields"),
        ({"every": 60, "time_zone": "Mars/Base"}, InvalidSchedule, "time zone 'Mars/Base' is unknown"),
        ({"every": 60, "delay": 5}, InvalidSchedule, "leave delay and at out"),
        ({"every": 60, "priority": 11}, InvalidMessage, "send option priority"),
        ({"every": 60, "nothing": 1}, TypeError, "no option 'nothing'"),
    ]:
        with pytest.raises(error, match=words):
            await schedules.create(name, Number(n=1), **values)
    with pytest.raises(InvalidSchedule, match="schedule id"):
        await schedules.create("", Number(n=1), every=60)
    for call in (schedules.status, schedules.pause, schedules.unpause, schedules.trigger, schedules.delete):
        with pytest.raises(ScheduleNotFound, match=name):
            await call(name)
    with pytest.raises(ScheduleNotFound):
        await schedules.update(name, every=60)

    await schedules.create(name, Number(n=1), every=3600, paused=True)
    with pytest.raises(ScheduleExists, match="update it, or delete it first"):
        await schedules.create(name, Number(n=1), every=3600)
    await schedules.delete(name)
    assert issubclass(ScheduleExists, ScheduleError)


async def test_schedules_are_listed(client: GnosariClient, name: str) -> None:
    await client.schedules.create(name, Number(n=1), every=3600, paused=True, note="listed")

    async with asyncio.timeout(20):
        while not (found := [status async for status in client.schedules.list() if status.id == name]):
            await asyncio.sleep(0.1)

    assert (found[0].type, found[0].note, found[0].paused) == ("Number", "listed", True)
    await client.schedules.delete(name)
