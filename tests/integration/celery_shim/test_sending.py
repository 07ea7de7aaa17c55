"""Sending from everywhere: scripts that end at once, many threads, forked children, event loops."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gnosari_temporal import blocking
from gnosari_temporal.celery import Celery
from gnosari_temporal.testing import LocalServer

SCRIPT = """
from gnosari_temporal.celery import Celery

app = Celery("script")


@app.task
def add(x, y):
    return x + y


print(add.delay(1, 2).id)
"""

FORKS = """
import os, sys, traceback
from gnosari_temporal.celery import Celery

app = Celery("forks")


@app.task
def add(x, y):
    return x + y


def child(number):
    try:
        add.apply_async((number, 1), task_id=f"{sys.argv[1]}-{number}")
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    if number % 2:  # half of them end the way a script does
        sys.exit(0)
    os._exit(0)


ended_well = 0
for number in range(int(sys.argv[2])):
    add.delay(number, 0)  # the parent has a connection when it forks
    pid = os.fork()
    if pid == 0:
        child(number)
    ended_well += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
print(ended_well)
"""


def run(server: LocalServer, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **server.settings().environ}
    return subprocess.run(
        [sys.executable, str(script), *arguments], env=environment, capture_output=True, text=True, timeout=300
    )


def exit_codes(server: LocalServer, tmp_path: Path, times: int) -> list[tuple[int, str]]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: run(server, script), range(times)))
    return [(one.returncode, one.stderr) for one in ended if one.returncode or not one.stdout.strip()]


@pytest.mark.timeout(300)
def test_a_script_that_only_sends_exits_cleanly_each_time(server: LocalServer, tmp_path: Path) -> None:
    assert exit_codes(server, tmp_path, 20) == []


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_script_that_only_sends_exits_cleanly_two_hundred_times(server: LocalServer, tmp_path: Path) -> None:
    assert exit_codes(server, tmp_path, 200) == []


def test_twenty_threads_send_at_once(app: Celery) -> None:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda number: add.delay(number, 1), range(20)))

    assert len({result.id for result in results}) == 20
    assert [result.state for result in results] == ["PENDING"] * 20


async def test_a_call_is_sent_from_a_coroutine(app: Celery) -> None:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    assert add.delay(1, 2).state == "PENDING"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(add.delay(1, 2), 0.3)


def forked(server: LocalServer, tmp_path: Path, children: int) -> tuple[int, list[str]]:
    script, name = tmp_path / "forks.py", uuid.uuid4().hex
    script.write_text(FORKS)
    ended = run(server, script, name, str(children))
    assert ended.returncode == 0, ended.stderr
    jobs = (f"task/{name}-{number}" for number in range(children))
    return int(ended.stdout.split()[-1]), [job for job in jobs if blocking.job(job).status().state == "NOT_FOUND"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_children_of_a_process_that_has_sent_send_too(server: LocalServer, app: Celery, tmp_path: Path) -> None:
    assert forked(server, tmp_path, 10) == (10, [])


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_of_180_forked_children_at_most_one_ends_badly(server: LocalServer, app: Celery, tmp_path: Path) -> None:
    ended_well, missing = 0, list[str]()
    for _ in range(3):
        well, lost = forked(server, tmp_path, 60)
        ended_well += well
        missing += lost

    assert (ended_well >= 179, missing) == (True, [])
