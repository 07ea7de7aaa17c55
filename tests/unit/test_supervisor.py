"""The supervisor: keeps processes running, replaces them, and ends each of them once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gnosari_temporal.worker.supervisor import Supervisor, SupervisorOptions

PROCESS = """#!{python}
import os, signal, sys, time

notes = open({notes!r}, "a", buffering=1)
report = int(sys.argv[sys.argv.index("--report-to") + 1])


def told(number, frame):
    notes.write(f"{{os.getpid()}} told\\n")
    if {stubborn}:
        return
    {at_the_end}
    notes.write(f"{{os.getpid()}} ended\\n")
    os._exit(0)


signal.signal(signal.SIGTERM, told)
notes.write(f"{{os.getpid()}} started\\n")
{work}
while True:
    time.sleep(0.02)
"""

Script = Callable[..., list[str]]


class Notes:
    """What the processes wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, what: str) -> list[int]:
        """The processes that wrote this, in order."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [int(line.split()[0]) for line in lines if line.endswith(what)]

    async def wait_for(self, what: str, count: int) -> list[int]:
        """Wait until so many have written this."""
        async with asyncio.timeout(20):
            while len(found := self.of(what)) < count:
                await asyncio.sleep(0.02)
        return found


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


@pytest.fixture
def script(tmp_path: Path, notes: Notes) -> Script:
    """Writes the program of a process and gives its command."""

    def write(*, work: str = "", at_the_end: str = "pass", stubborn: bool = False) -> list[str]:
        path = tmp_path / "process"
        text = PROCESS.format(
            python=sys.executable, notes=str(notes.path), work=work, at_the_end=at_the_end, stubborn=stubborn
        )
        path.write_text(text)
        path.chmod(0o755)
        return [sys.executable, str(path)]

    return write


@asynccontextmanager
async def running(
    command: list[str], processes: int = 1, grace: float = 20
) -> AsyncIterator[tuple[Supervisor, asyncio.Event, asyncio.Task[int]]]:
    supervisor = Supervisor(SupervisorOptions(command, processes, grace=timedelta(seconds=grace)))
    stop = asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    try:
        yield supervisor, stop, task
    finally:
        stop.set()
        supervisor.kill_all()
        await task


async def test_a_process_that_is_being_replaced_is_told_to_end_once_although_all_are_stopped(
    script: Script, notes: Notes
) -> None:
    # given a process that has done enough, and takes its time to finish
    command = script(
        work='if len(open(notes.name).readlines()) == 1: os.write(report, b"full\\n")', at_the_end="time.sleep(1.5)"
    )
    async with running(command) as (supervisor, stop, task):
        old, new = await notes.wait_for("started", 2)
        await notes.wait_for("told", 1)
        assert sorted(supervisor.pids) == sorted([old, new])

        # when the supervisor is stopped meanwhile
        stop.set()
        assert await task == 0

    # then both have finished: a second signal would have ended the first at once
    assert sorted(notes.of("told")) == sorted([old, new])
    assert sorted(notes.of("ended")) == sorted([old, new])


async def test_a_process_that_dies_is_replaced_and_the_others_are_left_alone(script: Script, notes: Notes) -> None:
    async with running(script(), processes=2) as (supervisor, _, _):
        first, second = await notes.wait_for("started", 2)
        os.kill(first, signal.SIGKILL)
        third = (await notes.wait_for("started", 3))[-1]
        assert sorted(supervisor.pids) == sorted([second, third])
        assert notes.of("told") == []


async def test_one_that_dies_right_after_its_start_is_started_less_and_less_often(
    script: Script, notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(script(work="sys.exit(3)")) as (_, stop, task):
        await notes.wait_for("started", 3)
        stop.set()
        assert await task == 0
    waits = [record.getMessage().partition("; ")[2] for record in caplog.records if "exit code 3" in record.message]
    assert waits[:2] == ["starting another in 0.2 s", "starting another in 0.4 s"]


async def test_a_process_that_cannot_be_started_is_tried_again(
    script: Script, notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    _, path = script()
    program = Path(path)
    hidden = program.rename(program.with_suffix(".hidden"))
    async with running([path]):
        async with asyncio.timeout(10):
            while "worker process 1 cannot be started" not in caplog.text:
                await asyncio.sleep(0.02)
        hidden.rename(program)
        await notes.wait_for("started", 1)


async def test_one_that_does_not_end_within_its_grace_is_killed_and_counted(script: Script, notes: Notes) -> None:
    async with running(script(stubborn=True), grace=0.3) as (_, stop, task):
        await notes.wait_for("started", 1)
        stop.set()
        assert await task == 1


async def test_nothing_is_left_of_a_supervisor_that_is_stopped_while_it_starts(script: Script, notes: Notes) -> None:
    supervisor = Supervisor(SupervisorOptions(script(), 3))
    stop = asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(task, 20)
    assert supervisor.pids == []


async def test_processes_end_with_a_supervisor_that_is_killed(tmp_path: Path, script: Script, notes: Notes) -> None:
    command = script(work="sys.stdin.read(); notes.write(f'{os.getpid()} ended\\n'); os._exit(0)")
    program = f"""
import asyncio
from gnosari_temporal.worker.supervisor import Supervisor, SupervisorOptions
asyncio.run(Supervisor(SupervisorOptions({command!r}, 2)).run(asyncio.Event()))
"""
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        started = await notes.wait_for("started", 2)
    finally:
        supervisor.kill()
        await supervisor.wait()
    assert sorted(await notes.wait_for("ended", 2)) == sorted(started)
