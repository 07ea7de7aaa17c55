"""Worker processes as an operator runs them: supervised, recycled, in the background, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from gnosari_temporal import BaseMessage, GnosariClient, JobState

from .project import ExampleMessage, Project, Running, SlowMessage, poll

HEARTBEAT_TIMEOUT = 2.0
JOBS = 20

HELD = f'''
"""Jobs that say when they start, and in which process."""

import asyncio
import os
import time
from pathlib import Path

from gnosari_temporal import BaseConsumer, BaseMessage


class HeldMessage(BaseMessage):
    folder: Path
    number: int
    seconds: float


class HeldConsumer(BaseConsumer):
    heartbeat_timeout = {HEARTBEAT_TIMEOUT}

    async def process(self, message: HeldMessage) -> int:
        with (message.folder / f"held-{{message.number}}").open("a") as notes:
            notes.write(f"{{os.getpid()}} {{time.time()}}\\n")
        await asyncio.sleep(message.seconds)
        return message.number
'''


READING = """
import subprocess

from gnosari_temporal import BaseConsumer, BaseMessage


class ReadingMessage(BaseMessage):
    pass


class ReadingConsumer(BaseConsumer):
    def process(self, message: ReadingMessage) -> str:
        return subprocess.run(["cat"], capture_output=True, text=True, check=True).stdout or "nothing"
"""


class HeldMessage(BaseMessage):
    folder: Path
    number: int
    seconds: float


class ReadingMessage(BaseMessage):
    pass


def notes(folder: Path, number: int) -> list[tuple[int, float]]:
    """Process id and time of every start of a job."""
    path = folder / f"held-{number}"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(line.split()[0]), float(line.split()[1])) for line in lines]


def send_held(project: Project, folder: Path, count: int, seconds: float) -> list[str]:
    async def work(client: GnosariClient) -> list[str]:
        messages = [HeldMessage(folder=folder, number=n, seconds=seconds, max_retries=0) for n in range(count)]
        return [(await client.send(message)).id for message in messages]

    return project.ask(work)


def results(project: Project, jobs: list[str]) -> list[int]:
    async def work(client: GnosariClient) -> list[int]:
        return list(await asyncio.gather(*(client.job(job).result(60) for job in jobs)))

    return project.ask(work)


def processes_of(worker: Running) -> set[int]:
    """Process ids of the worker processes that the supervisor runs."""
    return {child.pid for child in psutil.Process(worker.process.pid).children()}


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended; one that nobody has waited for yet has."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def held(project: Project) -> Project:
    (project.directory / "held.py").write_text(HELD)
    return project


def start_supervised(project: Project, *arguments: str, processes: int = 2) -> Running:
    worker = project.start("worker", "--processes", str(processes), "--module", "held", *arguments)
    poll(lambda: worker.stderr.count("  consumers ") >= processes, seconds=60, what="the worker processes' start")
    return worker


def test_jobs_of_a_killed_process_restart_in_another_and_the_supervisor_replaces_it(
    held: Project, tmp_path: Path
) -> None:
    worker = start_supervised(held, "-c", str(JOBS))
    before = processes_of(worker)
    jobs = send_held(held, tmp_path, JOBS, seconds=4)
    poll(lambda: all(notes(tmp_path, number) for number in range(JOBS)), what="the start of every job")

    owners = {number: notes(tmp_path, number)[0][0] for number in range(JOBS)}
    victim = max(set(owners.values()), key=list(owners.values()).count)
    os.kill(victim, signal.SIGKILL)
    killed_at = time.time()

    assert sorted(results(held, jobs)) == list(range(JOBS))
    lost = [number for number, owner in owners.items() if owner == victim]
    assert lost
    for number in lost:
        starts = notes(tmp_path, number)
        assert len(starts) == 2
        assert starts[1][0] != victim
        assert starts[1][1] - killed_at < HEARTBEAT_TIMEOUT + 2
    poll(lambda: len(processes_of(worker)) == 2 and victim not in processes_of(worker), what="a new process")
    assert len(before & processes_of(worker)) == 1
    assert worker.stop() == 0


def test_a_process_is_replaced_after_its_jobs_and_nothing_is_lost(held: Project, tmp_path: Path) -> None:
    worker = start_supervised(held, "-c", "2", "--max-jobs-per-process", "4", processes=1)

    jobs = send_held(held, tmp_path, 10, seconds=0)

    assert sorted(results(held, jobs)) == list(range(10))
    assert all(len(notes(tmp_path, number)) == 1 for number in range(10))
    assert len({notes(tmp_path, number)[0][0] for number in range(10)}) >= 2
    assert "has run as many jobs as it may: replacing it" in worker.stderr
    assert worker.stop() == 0


def test_a_process_that_uses_too_much_memory_is_replaced(held: Project) -> None:
    worker = start_supervised(held, "--max-memory", "16", processes=1)

    worker.wait_for("MB, more than 16", seconds=60)

    assert worker.stop() == 0


def test_sigterm_lets_a_job_finish_within_the_grace(project: Project, tmp_path: Path) -> None:
    worker = project.start_worker("--grace", "20s")
    job = project.send(SlowMessage(folder=tmp_path, seconds=2))
    poll((tmp_path / "started").exists)

    assert worker.stop() == 0

    assert (tmp_path / "finished").exists()
    assert project.result(job) == "finished"


def test_sigterm_without_time_to_finish_leaves_the_job_to_another_worker(project: Project, tmp_path: Path) -> None:
    worker = project.start_worker("--grace", "0s")
    job = project.send(SlowMessage(folder=tmp_path, seconds=3))
    poll((tmp_path / "started").exists)

    assert worker.stop() == 0
    assert (tmp_path / "cancelled").exists()
    assert not project.status(job).state.ended

    project.start_worker()
    assert project.result(job) == "finished"


def test_a_second_signal_ends_the_supervisor_and_its_processes_at_once(held: Project, tmp_path: Path) -> None:
    worker = start_supervised(held, "--grace", "60s")
    send_held(held, tmp_path, 1, seconds=60)
    poll(lambda: notes(tmp_path, 0), what="the start of the job")
    children = processes_of(worker)

    worker.signal()
    worker.wait_for("running jobs have 1m to finish")
    worker.signal()

    assert worker.wait(10) == 128 + signal.SIGTERM
    poll(lambda: not any(is_running(pid) for pid in children), what="the end of the processes")


def test_a_worker_in_the_background_is_found_restarted_and_stopped(project: Project) -> None:
    started = project.run("worker", "start", "--detach", "-c", "3")
    assert started.returncode == 0, started.stderr
    pid = int(started.stdout)

    shown = json.loads(project.run("worker", "status", "--json").stdout)
    (local,) = shown["local"]
    assert (local["pid"], local["detached"], local["arguments"]) == (pid, True, ["--concurrency", "3"])
    assert local["memory_bytes"] > 0
    assert (project.directory / ".gnosari" / ".gitignore").read_text() == "*\n"
    job = project.send(ExampleMessage(user_id="u1"))
    assert project.result(job) == {"greeting": "Hello, u1!"}

    restarted = project.run("worker", "restart")
    assert restarted.returncode == 0, restarted.stderr
    new = int(restarted.stdout.split()[-1])
    assert new != pid
    assert not is_running(pid)

    stopped = project.run("worker", "stop")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, str(new))
    assert not is_running(new)
    assert project.run("worker", "stop").returncode == 4


def test_a_foreground_worker_has_a_pid_file_too_and_a_stale_one_is_removed(project: Project) -> None:
    worker = project.start_worker()
    folder = project.directory / ".gnosari" / "workers"
    (file,) = folder.glob("*.json")
    stale = folder / "1.json"
    stale.write_text(file.read_text().replace(str(worker.process.pid), "1"))

    shown = json.loads(project.run("worker", "status", "--json").stdout)

    assert [record["pid"] for record in shown["local"]] == [worker.process.pid]
    assert not stale.exists()
    assert project.run("worker", "stop", str(worker.process.pid)).returncode == 0
    assert worker.wait() == 0
    assert not file.exists()


def test_a_worker_that_cannot_start_in_the_background_says_why(project: Project) -> None:
    (project.directory / "activities" / "__init__.py").write_text("import nothing_of_this_name\n")

    started = project.run("worker", "start", "--detach")

    assert started.returncode == 2
    assert "nothing_of_this_name" in started.stderr


def test_a_worker_has_no_place_in_the_background_where_nothing_can_be_written(project: Project) -> None:
    (project.directory / ".gnosari").write_text("a file where the folder would be")

    started = project.run("worker", "start", "--detach")

    assert started.returncode == 2
    assert "a worker in the background has its log and its pid file there" in started.stderr.lower()


def test_a_supervised_worker_that_shall_not_wait_ends_without_a_server(project: Project) -> None:
    started = project.run("worker", "--processes", "2", "--no-wait", TEMPORAL_ADDRESS="127.0.0.1:1")

    assert started.returncode == 3
    assert "no Temporal server at 127.0.0.1:1" in started.stderr


def test_the_worker_of_up_is_listed_and_restarted_only_where_it_runs(project: Project) -> None:
    up = project.start("up", "--ephemeral", "--port", "0", "--ui-port", "0")
    up.wait_for("  consumers ")

    status = project.run("worker", "status")
    assert "part of `gnosari up`" in status.stdout, status.stderr
    restarted = project.run("worker", "restart")
    assert restarted.returncode == 2
    assert "part of `gnosari up`: start that again where it runs" in restarted.stderr
    assert project.run("worker", "stop").returncode == 0
    assert up.wait() == 0


def test_a_program_that_a_supervised_consumer_starts_finds_the_end_of_its_input(project: Project) -> None:
    (project.directory / "reading.py").write_text(READING)
    worker = project.start("worker", "--max-jobs-per-process", "99", "--module", "reading")
    worker.wait_for("  consumers ")

    async def work(client: GnosariClient) -> str:
        result: str = await client.send_and_wait(ReadingMessage(), wait=20)
        return result

    assert project.ask(work) == "nothing"
    assert worker.stop() == 0


def test_stop_names_the_processes_there_are_when_the_number_is_wrong(project: Project) -> None:
    stopped = project.run("worker", "stop", "4194304")

    assert stopped.returncode == 2
    assert "no worker of this project has process id 4194304; running are none" in stopped.stderr


def test_a_queue_that_no_worker_serves_is_listed_with_what_waits(project: Project) -> None:
    job = project.run("send", "ExampleMessage", '{"user_id":"u1"}', "--queue", f"{project.queue}-nobody")
    assert job.returncode == 0

    def listed() -> dict[str, object]:
        shown = project.run("queue", "list", "--json")
        found = {queue["queue"]: queue for queue in json.loads(shown.stdout)}
        return found.get(f"{project.queue}-nobody", {})

    queue = poll(listed, what="the queue in the list")
    assert (queue["waiting"], queue["workers"], queue["waiting_by_priority"]) == (1, [], {"5": 1})
    table = project.run("queue", "list")
    assert f"no worker serves {project.queue}-nobody, where 1 wait" in table.stderr
    assert project.status(job.stdout.strip()).state is JobState.QUEUED


def test_flower_says_where_the_web_ui_is(project: Project) -> None:
    named = project.run("flower", GNOSARI_UI_ADDRESS="https://ui.example")
    assert (named.returncode, named.stdout.strip()) == (0, "https://ui.example")

    for address in ("temporal.example:7233", project.environ["TEMPORAL_ADDRESS"]):  # the second has none
        unknown = project.run("flower", TEMPORAL_ADDRESS=address)
        assert unknown.returncode == 2
        assert "set GNOSARI_UI_ADDRESS" in unknown.stderr
