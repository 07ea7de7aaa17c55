"""`gnosari schedule`."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from datetime import UTC

import pytest

from gnosari_temporal import GnosariClient
from gnosari_temporal.client import ScheduleStatus

from .project import Project

GREET = '{"user_id": "scheduled"}'


async def test_a_schedule_fires_is_paused_triggered_changed_and_deleted(served: Project) -> None:
    # given
    name = f"schedule-{uuid.uuid4().hex[:8]}"
    created = served.run("schedule", "create", name, "ExampleMessage", GREET, "--every", "1s", "--priority", "2")
    assert (created.returncode, created.stdout) == (0, f"{name}\n")
    client = await GnosariClient.connect(target_host=served.environ["TEMPORAL_ADDRESS"])

    async def until(condition: Callable[[ScheduleStatus], object]) -> ScheduleStatus:
        async with asyncio.timeout(20):
            while not condition(status := await client.schedules.status(name)):
                await asyncio.sleep(0.1)
        return status

    # when it fires, the job is one of its own
    status = await until(lambda status: status.recent)
    job = client.job(status.recent[0].job_id)
    assert job.id.startswith(f"ExampleMessage/{name}-")
    assert await job.result(20) == {"greeting": "Hello, scheduled!"}
    assert (await job.status()).priority == 2

    # when it is paused, it fires no more
    assert served.run("schedule", "pause", name, "--note", "enough").returncode == 0
    fired = (await until(lambda status: not status.running)).fired
    await asyncio.sleep(1.2)
    shown = json.loads(served.run("schedule", "show", name, "--json").stdout)
    assert (shown["fired"], shown["paused"], shown["note"], shown["next"]) == (fired, True, "enough", [])

    # when it is triggered, it fires once all the same
    assert served.run("schedule", "trigger", name).returncode == 0
    await until(lambda status: status.fired == fired + 1)
    assert f"{name}  ExampleMessage  every 1s  paused" in served.run("schedule", "list").stdout

    # when it is changed, it goes on
    changed = ("schedule", "create", name, "ExampleMessage", GREET, "--cron", "0 3 * * *", "--time-zone", "Asia/Tokyo")
    refused = served.run(*changed)
    assert (refused.returncode, "there is a schedule" in refused.stderr) == (2, True)
    assert served.run(*changed, "--replace").returncode == 0
    status = await client.schedules.status(name)
    assert (status.timing.in_words() if status.timing else "", status.paused) == ("0 3 * * * Asia/Tokyo", False)
    assert status.next[0].astimezone(UTC).hour == 18

    # when it is deleted, it is gone
    assert served.run("schedule", "delete", name).returncode == 0
    gone = served.run("schedule", "show", name)
    assert (gone.returncode, gone.stderr.strip()) == (4, f"Error: no schedule '{name}' on the server")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cron", "61 * * * *"], "cron '61 * * * *': Minute is not in range [0-59]"),
        (["--cron", "* * * *"], "cron '* * * *': it has not 5 fields"),
        (["--every", "often"], "'often' is no duration"),
        (["--every", "1m", "--time-zone", "Mars/Base"], "time zone 'Mars/Base' is unknown"),
        (["--every", "1m", "--overlap", "perhaps"], "'perhaps' is not one of 'skip'"),
        ([], "say when it fires"),
    ],
)
def test_a_timing_that_cannot_be_exits_2_and_says_what_is_wrong(
    served: Project, options: list[str], words: str
) -> None:
    ran = served.run("schedule", "create", "bad", "ExampleMessage", GREET, *options)

    assert ran.returncode == 2
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
