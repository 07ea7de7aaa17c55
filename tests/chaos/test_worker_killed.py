"""Jobs that outlive the sudden death of their workers and the restart of their server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gnosari_temporal import BaseConsumer, BaseMessage, GnosariClient, GnosariWorker, JobLost, JobState
from gnosari_temporal.retry import LOST_ATTEMPTS_ALLOWED
from gnosari_temporal.server import free_port
from gnosari_temporal.testing import LocalServer
from gnosari_temporal.worker import Application

SCRIPT = Path(__file__).with_name("fragile.py")
HEARTBEAT_TIMEOUT = 1.5

Start = Callable[[], subprocess.Popen[str]]


class Fragile(BaseMessage):
    """As the script has it."""

    folder: Path
    hangs: int = 1


class Poison(BaseMessage):
    """As the script has it."""

    folder: Path


@pytest.fixture
def start(gnosari_server: LocalServer, gnosari_queue: str) -> Iterator[Start]:
    """Starts worker processes that end with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, SCRIPT, gnosari_server.address, gnosari_queue], stdout=subprocess.PIPE, text=True
        )
        running.append(worker)
        return worker

    yield begin
    for worker in running:
        worker.kill()
        worker.communicate()


async def ready(worker: subprocess.Popen[str]) -> None:
    assert worker.stdout is not None
    assert await asyncio.to_thread(worker.stdout.readline) == "ready\n"


async def starts(folder: Path, number: int) -> None:
    async with asyncio.timeout(30):
        while not (folder / str(number)).exists():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("max_retries", [0, pytest.param(3, marks=pytest.mark.soak)])
async def test_a_job_of_a_worker_that_is_killed_goes_on_with_another_soon(
    gnosari_client: GnosariClient, start: Start, tmp_path: Path, max_retries: int
) -> None:
    # given a worker in the middle of process, and another beside it
    job = await gnosari_client.send(Fragile(folder=tmp_path, max_retries=max_retries))
    first = start()
    await ready(first)
    await starts(tmp_path, 1)
    second = start()
    await ready(second)

    # when
    first.kill()
    killed = time.monotonic()

    # then
    result = await job.result(30)
    assert time.monotonic() - killed < HEARTBEAT_TIMEOUT + 5
    # a lost attempt is no failure of the consumer
    assert result == {"starts": 2, "attempt": 1, "retry_count": 0}
    assert not (tmp_path / "on_failure").exists()


async def test_a_job_that_kills_every_worker_is_given_up_as_lost(
    gnosari_client: GnosariClient, start: Start, tmp_path: Path
) -> None:
    # given more workers than a job may kill
    workers = [start() for _ in range(LOST_ATTEMPTS_ALLOWED + 1)]
    for worker in workers:
        await ready(worker)

    # when
    job = await gnosari_client.send(Poison(folder=tmp_path, max_retries=0))

    # then the last worker lives and says what happened
    with pytest.raises(JobLost, match="5 attempts of PoisonConsumer were lost with their workers") as caught:
        await job.result(60)
    assert "Send it again after mending that" in str(caught.value)
    assert (await job.status()).state is JobState.FAILED
    assert sum(worker.poll() is None for worker in workers) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3", "4", "5", "on_failure JobLost"]


class Later(BaseMessage):
    n: int


class LaterConsumer(BaseConsumer):
    def process(self, message: Later) -> int:
        return message.n


async def test_jobs_that_wait_outlive_a_restart_of_the_server_and_so_do_client_and_worker(tmp_path: Path) -> None:
    # given jobs that wait for their start and for a worker, on a server with a database file
    port = free_port("127.0.0.1")
    server = LocalServer(db=tmp_path / "jobs.db", port=port)
    await server.start()
    try:
        client = await GnosariClient.connect(server.settings())
        waiting = [await client.send(Later(n=n)) for n in range(3)]
        delayed = await client.send(Later(n=3), delay=3)

        # when the server is stopped and started again
        await server.stop()
        server = LocalServer(db=tmp_path / "jobs.db", port=port)
        await server.start()

        # then the client of before goes on, and the jobs end well
        async with GnosariWorker(client, Application.build(consumers=[LaterConsumer])):
            assert [await job.result(30) for job in [*waiting, delayed]] == [0, 1, 2, 3]

            # also with a worker that was there before a restart
            last = await client.send(Later(n=4), delay=2)
            await server.stop()
            server = LocalServer(db=tmp_path / "jobs.db", port=port)
            await server.start()
            assert await last.result(30) == 4
            assert await client.send_and_wait(Later(n=5), wait=30) == 5
    finally:
        await server.stop()
