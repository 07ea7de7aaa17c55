"""Sending without an event loop: handles, threads, errors, lost connections, and how programs end."""

from __future__ import annotations

import asyncio
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from temporalio import workflow

from gnosari_temporal import (
    BaseConsumer,
    BaseMessage,
    GnosariError,
    JobCancelled,
    JobNotFound,
    JobState,
    ResultTimeout,
    blocking,
    wait_for_approval,
)
from gnosari_temporal.errors import EventLoopRunning, InvalidMessage, MessageConflict, ServerUnreachable
from gnosari_temporal.server import free_port
from gnosari_temporal.testing import LocalServer


class Greet(BaseMessage):
    who: str = "you"
    seconds: float = 0


class GreetConsumer(BaseConsumer[Greet, str]):
    async def process(self, message: Greet) -> str:
        await asyncio.sleep(message.seconds)
        return f"Hello, {message.who}"


class Held(BaseMessage):
    pass


@workflow.defn(name="Held", sandboxed=False)
class HeldWorkflow:
    @workflow.run
    async def run(self, message: Held) -> bool | None:
        answer = await wait_for_approval("Go on?")
        return answer and answer.approved


@pytest.fixture
def send(gnosari_blocking: ModuleType, gnosari_worker_thread: Any) -> Any:
    gnosari_worker_thread(GreetConsumer, HeldWorkflow)
    return gnosari_blocking.send


def reaches(job: blocking.BlockingJob[Any], state: JobState) -> None:
    deadline = time.monotonic() + 10
    while job.status().state is not state:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_message_is_sent_and_its_result_waited_for(send: Any) -> None:
    job = send(Greet(who="ann"), priority=2)
    assert job.result(10) == "Hello, ann"
    assert (job.status().state, job.status().priority) == (JobState.SUCCEEDED, 2)
    assert blocking.send_and_wait(Greet(), wait=10) == "Hello, you"
    assert send(Greet(), consumer=GreetConsumer).result(10) == "Hello, you"


def test_a_job_is_followed_by_its_id_listed_and_pickled(send: Any) -> None:
    job = send(Greet())
    assert blocking.job(job.id).result(10) == "Hello, you"
    assert pickle.loads(pickle.dumps(job)).result(10) == "Hello, you"
    deadline = time.monotonic() + 10
    while job.id not in [status.id for status in blocking.jobs(type="Greet", state="succeeded")]:
        assert time.monotonic() < deadline
    assert job.message_id == job.id.removeprefix("Greet/")


def test_errors_are_those_of_the_client(send: Any, gnosari_queue: str) -> None:
    send(Greet(message_id=gnosari_queue))
    with pytest.raises(MessageConflict):
        send(Greet(message_id=gnosari_queue, who="other"))
    with pytest.raises(InvalidMessage):
        send("no message")
    with pytest.raises(JobNotFound):
        blocking.job("Greet/nowhere").cancel()
    with pytest.raises(ResultTimeout, match="is not finished after 100ms; it goes on"):
        send(Greet(), delay=60).result(0.1)


def test_a_job_is_cancelled_and_terminated(send: Any) -> None:
    cancelled, terminated = send(Greet(seconds=60)), send(Greet(seconds=60))
    reaches(cancelled, JobState.RUNNING)
    cancelled.cancel()
    terminated.terminate("enough")
    for job in (cancelled, terminated):
        with pytest.raises(JobCancelled):
            job.result(10)


@pytest.mark.parametrize("approved", [True, False])
def test_a_question_is_answered(send: Any, approved: bool) -> None:
    job = send(Held())
    reaches(job, JobState.WAITING)
    (job.approve if approved else job.reject)(by="ann")
    assert job.result(10) is approved


def test_many_threads_share_the_connection(send: Any) -> None:
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(send(Greet(who=str(n))).result(20))) for n in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(f"Hello, {n}" for n in range(10))
    assert len([thread for thread in threading.enumerate() if thread.name == "gnosari-blocking"]) == 1


def test_what_has_no_function_is_called_with_the_client(send: Any) -> None:
    assert blocking.call(lambda client: client.send_and_wait(Greet(who="bob"), wait=10)) == "Hello, bob"
    with pytest.raises(ResultTimeout, match="the call was not finished after 100ms"):
        blocking.call(lambda client: asyncio.sleep(60), timeout=0.1)


async def test_it_is_refused_where_an_event_loop_runs_with_the_remedy(gnosari_blocking: ModuleType) -> None:
    with pytest.raises(EventLoopRunning, match=r"use `GnosariClient`, as in `await client\.send"):
        gnosari_blocking.send(Greet())
    job = await asyncio.to_thread(gnosari_blocking.send, Greet(), delay=60)
    await asyncio.to_thread(job.terminate)


def test_a_closed_connection_is_opened_anew(send: Any) -> None:
    job = send(Greet())
    blocking.close()
    blocking.close()
    assert job.result(10) == "Hello, you"


def test_closing_disturbs_no_wait_that_can_go_on_and_ends_a_call_that_cannot(send: Any) -> None:
    job = send(Greet(), delay=0.6)
    outcomes: list[Any] = []

    def wait() -> None:
        outcomes.append(job.result(10))

    def call() -> None:
        try:
            blocking.call(lambda client: asyncio.sleep(60))
        except GnosariError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=wait), threading.Thread(target=call)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    blocking.close()
    for thread in threads:
        thread.join(10)
    assert outcomes == ["the connection was closed while a call was under way", "Hello, you"]


def test_the_next_call_works_when_the_server_is_back(tmp_path: Path) -> None:
    # given a server that is not there yet
    port = free_port("127.0.0.1")
    server = LocalServer(db=tmp_path / "jobs.db", port=port)
    blocking.configure(target_host=f"127.0.0.1:{port}")
    try:
        with pytest.raises(ServerUnreachable, match=f"127.0.0.1:{port}"):
            blocking.send(Greet(message_id="m"))

        # when it comes, goes and comes again
        with server:
            job = blocking.send(Greet(message_id="m"))
            assert job.status().state is JobState.QUEUED
        with server:
            assert blocking.send(Greet(message_id="m")).run_id == job.run_id
            assert job.status().state is JobState.QUEUED
    finally:
        blocking.configure()


def run_script(text: str, *, interrupt: bool = False) -> tuple[int, str, float]:
    """Run a script; if asked, interrupt it when it has said `waiting`. Its exit code, stderr and how long it took."""
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if interrupt:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors, time.monotonic() - began


HEAD = """
from gnosari_temporal import BaseMessage, blocking

class Greet(BaseMessage):
    pass

blocking.configure(target_host="ADDRESS")
"""


def test_ctrl_c_ends_a_wait_at_once(gnosari_server: LocalServer, gnosari_queue: str) -> None:
    text = (
        HEAD.replace("ADDRESS", gnosari_server.address)
        + f"""
job = blocking.send(Greet(), queue={gnosari_queue!r})
print("waiting", flush=True)
try:
    job.result()
except KeyboardInterrupt:
    raise SystemExit(17)
"""
    )
    code, errors, seconds = run_script(text, interrupt=True)
    assert (code, errors) == (17, "")
    assert seconds < 5


def test_a_program_that_is_ending_is_told_so(gnosari_server: LocalServer, gnosari_queue: str) -> None:
    text = (
        f"""
import atexit

def too_late():
    try:
        blocking.send(Greet(), queue={gnosari_queue!r})
    except Exception as error:
        print(type(error).__name__, error)

atexit.register(too_late)
"""
        + HEAD.replace("ADDRESS", gnosari_server.address)
        + f"""
blocking.send(Greet(), queue={gnosari_queue!r})
"""
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "GnosariError the program is ending: its last message is sent before that\n"


def test_a_daemon_thread_that_waits_does_not_keep_the_program(gnosari_server: LocalServer, gnosari_queue: str) -> None:
    text = (
        HEAD.replace("ADDRESS", gnosari_server.address)
        + f"""
import threading
job = blocking.send(Greet(), queue={gnosari_queue!r})
threading.Thread(target=job.result, daemon=True).start()
blocking.call(lambda client: __import__("asyncio").sleep(0.3))
"""
    )
    code, errors, seconds = run_script(text)
    assert code == 0, errors
    assert seconds < 30


def test_an_import_opens_nothing() -> None:
    text = """
import threading, os
import gnosari_temporal.blocking
assert threading.active_count() == 1
assert len(os.listdir("/proc/self/task")) == 1 if os.path.isdir("/proc/self/task") else True
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
