"""Scripts and forked children that send without an event loop end well, every time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gnosari_temporal import Application, BaseConsumer, BaseMessage
from gnosari_temporal.testing import LocalServer, WorkerThread

MODULE = """
from gnosari_temporal import BaseMessage

class Greet(BaseMessage):
    who: str
"""

FIVE_LINES = """
from gnosari_temporal.blocking import send
from greetings import Greet

job = send(Greet(who="you"))
print(job.result(timeout=30))
"""

FIVE_LINES_ASYNC = """
import asyncio
from gnosari_temporal import GnosariClient
from greetings import Greet

async def main():
    async with await GnosariClient.connect() as client:
        print(await client.send_and_wait(Greet(who="you"), wait=30))

asyncio.run(main())
"""

THREADS = """
import threading
from gnosari_temporal.blocking import send_and_wait
from greetings import Greet

answers = []
threads = [
    threading.Thread(target=lambda n=n: answers.append(send_and_wait(Greet(who=str(n)), wait=30))) for n in range(8)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sorted(answers), sep=", ")
"""

FORK = """
import os, sys
from gnosari_temporal.blocking import send
from greetings import Greet

before = send(Greet(who="before"))
assert before.result(timeout=30) == "Hello, before"
child = os.fork()
if child == 0:
    assert before.result(timeout=30) == "Hello, before"  # a job of the parent is followed in the child
    assert send(Greet(who="child")).result(timeout=30) == "Hello, child"
    sys.exit(0)
assert send(Greet(who="parent")).result(timeout=30) == "Hello, parent"
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print("child", code)
"""

FORK_WHILE_WAITING = """
import os, sys, threading
from gnosari_temporal.blocking import send
from greetings import Greet

answers = []
later = send(Greet(who="later"), delay=1.5)
waiting = threading.Thread(target=lambda: answers.append(later.result(timeout=30)))
waiting.start()
send(Greet(who="now")).result(timeout=30)
child = os.fork()
if child == 0:
    assert send(Greet(who="child")).result(timeout=30) == "Hello, child"
    sys.exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
waiting.join()
print("child", code, *answers)
"""

POOL = """
import multiprocessing
from gnosari_temporal.blocking import send_and_wait
from greetings import Greet

def greet(n):
    return send_and_wait(Greet(who=str(n)), wait=30)

greet("first")
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(*pool.map(greet, range(4)), sep=", ")
"""


class Greet(BaseMessage):
    who: str


class GreetConsumer(BaseConsumer):
    async def process(self, message: Greet) -> str:
        return f"Hello, {message.who}"


Run = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def script(gnosari_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a script beside a worker that greets."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "greetings.py").write_text(MODULE, encoding="utf-8")
    settings = gnosari_server.settings(default_queue="greetings-of-scripts", grace=0)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "GNOSARI_"))},
        "TEMPORAL_ADDRESS": gnosari_server.address,
        "GNOSARI_DEFAULT_QUEUE": settings.default_queue,
        "PYTHONPATH": str(folder),
    }

    def run(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, cwd=folder, env=environ
        )

    with WorkerThread(settings, Application.build(settings, consumers=[GreetConsumer])):
        yield run


def told(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def repeat(script: Run, text: str, times: int, printed: str) -> None:
    with ThreadPoolExecutor(2) as side_by_side:
        outcomes = list(side_by_side.map(lambda _: told(script(text)), range(times)))
    assert outcomes == [(0, printed, "")] * times


def test_a_script_of_five_lines_ends_well_twenty_times(script: Run) -> None:
    repeat(script, FIVE_LINES, 20, "Hello, you")


def test_a_script_with_an_event_loop_of_its_own_ends_well(script: Run) -> None:
    repeat(script, FIVE_LINES_ASYNC, 4, "Hello, you")


def test_threads_share_one_connection(script: Run) -> None:
    repeat(script, THREADS, 1, ", ".join(f"Hello, {n}" for n in range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_parent_and_forked_child_both_send(script: Run) -> None:
    repeat(script, FORK, 4, "child 0")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_while_another_thread_waits_disturbs_neither(script: Run) -> None:
    repeat(script, FORK_WHILE_WAITING, 2, "child 0 Hello, later")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_pool_of_forked_processes_sends(script: Run) -> None:
    repeat(script, POOL, 1, "Hello, 0, Hello, 1, Hello, 2, Hello, 3")


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("text", "times", "printed"),
    [
        (FIVE_LINES, 200, "Hello, you"),
        (FIVE_LINES_ASYNC, 200, "Hello, you"),
        (FORK, 200, "child 0"),
        (FORK_WHILE_WAITING, 50, "child 0 Hello, later"),
    ],
    ids=["blocking", "async", "fork", "fork while waiting"],
)
def test_scripts_end_well_however_often(script: Run, text: str, times: int, printed: str) -> None:
    repeat(script, text, times, printed)
