"""The embedded server: a real one, on free ports."""

import asyncio
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    UpdateTaskQueueConfigRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import Priority

from gnosari_temporal.errors import ServerStartFailed
from gnosari_temporal.routing import SEARCH_ATTRIBUTES
from gnosari_temporal.server import EmbeddedServer, ServerOptions, embedded, free_port, ports

REPOSITORY = Path(__file__).parents[2]
QUICK = {"port": 0, "headless": True}


def _until(holds: Callable[[], bool], within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not so within {within} s"
        time.sleep(0.02)


def _children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def _is_gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def _answers(url: str) -> bool:
    with suppress(urllib.error.HTTPError), urllib.request.urlopen(url) as answer:
        return bool(answer.status == 200)
    return False


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(ServerOptions(port=0)) as started:
        yield started


@pytest.fixture
async def client(server: EmbeddedServer) -> Client:
    return await Client.connect(server.address)


@pytest.fixture
def queue() -> str:
    return f"queue-{uuid.uuid4()}"


async def _poll(client: Client, queue: str, count: int) -> list[str]:
    """Ids of the workflows whose tasks a worker is given, in order."""
    given = []
    for _ in range(count):
        task = await client.workflow_service.poll_workflow_task_queue(
            PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=queue), identity="test")
        )
        given.append(task.workflow_execution.workflow_id)
    return given


async def _backlog(client: Client, queue: str) -> dict[int, int]:
    """Waiting workflow tasks of the queue, level to number."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            report_stats=True,
        )
    )
    return {
        level: stats.approximate_backlog_count
        for level, stats in described.stats_by_priority_key.items()
        if stats.approximate_backlog_count
    }


# What it is


async def test_it_answers_on_its_address_and_the_web_ui_on_its_own(server: EmbeddedServer, client: Client) -> None:
    assert await client.service_client.check_health()
    assert server.ui_address is not None
    with urllib.request.urlopen(server.ui_address) as page:
        assert "<html" in page.read().decode()
    _until(lambda: _answers(f"{server.ui_address}/api/v1/namespaces/default"))
    assert psutil.Process(server.pid).name().startswith("temporal")
    assert server.running


def test_it_is_ready_in_well_under_two_seconds() -> None:
    began = time.monotonic()
    with EmbeddedServer(ServerOptions(**QUICK)):
        assert time.monotonic() - began < 2


async def test_two_run_beside_each_other() -> None:
    async with EmbeddedServer(ServerOptions(**QUICK)) as one, EmbeddedServer(ServerOptions(**QUICK)) as other:
        assert one.address != other.address
        assert one.ui_address is None


async def test_another_namespace_is_there_with_its_search_attributes() -> None:
    async with EmbeddedServer(ServerOptions(**QUICK, namespace="orders")) as server:
        client = await Client.connect(server.address, namespace="orders")
        await client.start_workflow("Anything", id="one", task_queue="nobody")
        found = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="orders"))
        assert set(SEARCH_ATTRIBUTES) <= set(found.custom_attributes)


def test_its_output_is_kept_from_ours(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    log_file = tmp_path / "server.log"
    with EmbeddedServer(ServerOptions(**QUICK, log_level="info", log_file=log_file)) as server:
        assert any("level=INFO" in line for line in server.log())
    assert capfd.readouterr() == ("", "")
    assert "level=INFO" in log_file.read_text()


def test_before_and_after_it_has_no_address() -> None:
    server = EmbeddedServer(ServerOptions(**QUICK))
    for _ in range(2):
        assert not server.running
        with pytest.raises(ServerStartFailed, match=r"not started: call start\(\)"):
            _ = server.address
        server.stop_blocking()


def test_it_is_not_started_twice() -> None:
    with (
        EmbeddedServer(ServerOptions(**QUICK)) as server,
        pytest.raises(ServerStartFailed, match="already started, at"),
    ):
        server.start_blocking()


def test_it_can_be_started_again_after_its_end() -> None:
    server = EmbeddedServer(ServerOptions(**QUICK))
    for _ in range(2):
        with server:
            assert server.running
            os.kill(server.pid, signal.SIGKILL)
            _until(lambda: not server.running)


# How it is tuned


async def test_all_ten_priorities_are_levels_of_their_own(client: Client, queue: str) -> None:
    for priority in range(1, 11):
        await client.start_workflow(
            "Anything", id=f"{queue}-{priority}", task_queue=queue, priority=Priority(priority_key=priority)
        )
    deadline = time.monotonic() + 10
    while sum((levels := await _backlog(client, queue)).values()) < 10:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert levels == dict.fromkeys(range(1, 11), 1)


async def test_tasks_are_given_out_strictly_by_priority(client: Client, queue: str) -> None:
    for priority in (7, 3, 10, 1, 9, 2, 8, 4, 6, 5):
        await client.start_workflow(
            "Anything", id=f"{queue}/{priority}", task_queue=queue, priority=Priority(priority_key=priority)
        )
    given = await _poll(client, queue, 10)
    assert [int(name.rpartition("/")[2]) for name in given] == list(range(1, 11))


async def test_fairness_keys_take_turns(client: Client, queue: str) -> None:
    """Without fairness the four of the second key come after all twenty of the first."""
    for key, count in (("large", 20), ("small", 4)):
        for number in range(count):
            await client.start_workflow(
                "Anything",
                id=f"{queue}/{key}/{number}",
                task_queue=queue,
                priority=Priority(fairness_key=key),
            )
    given = await _poll(client, queue, 12)
    assert sum("/small/" in name for name in given) == 4


async def test_a_queues_rate_limit_can_be_set_and_holds(client: Client, queue: str) -> None:
    await client.workflow_service.update_task_queue_config(
        UpdateTaskQueueConfigRequest(
            namespace="default",
            identity="test",
            task_queue=queue,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                rate_limit=RateLimit(requests_per_second=4), reason="a test"
            ),
            update_fairness_key_rate_limit_default=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                rate_limit=RateLimit(requests_per_second=2), reason="a test"
            ),
        )
    )
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_config=True,
        )
    )
    assert described.config.queue_rate_limit.rate_limit.requests_per_second == 4
    assert described.config.fairness_keys_rate_limit_default.rate_limit.requests_per_second == 2


async def test_the_search_attributes_are_keywords_that_can_be_searched(client: Client, queue: str) -> None:
    found = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    assert dict(found.custom_attributes) == dict.fromkeys(SEARCH_ATTRIBUTES, keyword)


# Ports


@contextmanager
def _taken() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("notice", ["before", "by the server"])
def test_a_taken_port_is_named_with_the_remedy(notice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if notice == "by the server":  # somebody takes it between our look and the server's start
        monkeypatch.setattr(ports, "is_free", lambda ip, port: True)
    before = _children()
    with _taken() as port, pytest.raises(ServerStartFailed) as raised:
        EmbeddedServer(ServerOptions(port=port, headless=True)).start_blocking()
    assert str(raised.value).startswith(f"port {port} of 127.0.0.1 is taken")
    assert "--port (0: a free one)" in str(raised.value)
    assert _children() <= before


@pytest.mark.parametrize("notice", ["before", "by the server"])
def test_a_taken_port_of_the_web_ui_is_named_with_the_remedy(notice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if notice == "by the server":
        monkeypatch.setattr(ports, "is_free", lambda ip, port: True)
    with _taken() as port, pytest.raises(ServerStartFailed) as raised:
        EmbeddedServer(ServerOptions(port=0, ui_port=port)).start_blocking()
    assert str(raised.value).startswith(f"the Web UI's port {port} of 127.0.0.1 is taken")
    assert "--ui-port (0: a free one)" in str(raised.value)


def test_a_free_port_lost_to_somebody_else_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with _taken() as port:
        offered = iter([port])
        monkeypatch.setattr(ports, "free_port", lambda ip: next(offered, None) or free_port(ip))
        with EmbeddedServer(ServerOptions(**QUICK)) as server:
            assert not server.address.endswith(f":{port}")


# The database file


async def test_a_restart_on_its_file_keeps_a_started_workflow(tmp_path: Path) -> None:
    options = ServerOptions(**QUICK, db=tmp_path / "jobs.db")
    async with EmbeddedServer(options) as server:
        client = await Client.connect(server.address)
        await client.start_workflow("Anything", "an argument", id="kept", task_queue="nobody")
        with closing(sqlite3.connect(f"file:{options.db}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert (tmp_path / "jobs.db-wal").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["jobs.db"]

    async with EmbeddedServer(options) as server:
        client = await Client.connect(server.address)
        kept = await client.get_workflow_handle("kept").describe()
        assert kept.status is WorkflowExecutionStatus.RUNNING
        assert await _poll(client, "nobody", 1) == ["kept"]


async def test_a_killed_servers_file_keeps_a_started_workflow(tmp_path: Path) -> None:
    options = ServerOptions(**QUICK, db=tmp_path / "jobs.db")
    server = EmbeddedServer(options)
    await server.start()
    client = await Client.connect(server.address)
    await client.start_workflow("Anything", id="kept", task_queue="nobody")
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait() == 128 + signal.SIGKILL
    await server.stop()

    async with EmbeddedServer(options) as server:
        client = await Client.connect(server.address)
        kept = await client.get_workflow_handle("kept").describe()
        assert kept.status is WorkflowExecutionStatus.RUNNING


async def test_a_new_file_keeps_jobs_for_a_week_and_what_somebody_chose_for_it_stays(tmp_path: Path) -> None:
    async def kept(options: ServerOptions) -> timedelta:
        async with EmbeddedServer(options) as server:
            client = await Client.connect(server.address)
            found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
            retention: timedelta = found.config.workflow_execution_retention_ttl.ToTimedelta()
            return retention

    db = tmp_path / "jobs.db"
    assert await kept(ServerOptions(**QUICK, db=db)) == timedelta(days=7)
    assert await kept(ServerOptions(**QUICK, db=db, retention=timedelta(hours=3))) == timedelta(days=7)


async def test_an_older_file_gets_the_search_attributes_that_it_lacks(tmp_path: Path) -> None:
    db = tmp_path / "jobs.db"
    async with EmbeddedServer(ServerOptions(**QUICK, db=db, search_attributes={"GnosariState": "Keyword"})):
        pass
    wanted = dict.fromkeys(SEARCH_ATTRIBUTES, "Keyword") | {"Weight": "Double", "Due": "Datetime"}
    async with EmbeddedServer(ServerOptions(**QUICK, db=db, search_attributes=wanted)) as server:
        client = await Client.connect(server.address)
        found = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
        assert set(found.custom_attributes) == set(wanted)


def test_a_file_in_use_by_another_server_is_refused(tmp_path: Path) -> None:
    options = ServerOptions(**QUICK, db=tmp_path / "jobs.db")
    with (
        EmbeddedServer(options),
        pytest.raises(ServerStartFailed, match=r"jobs\.db is in use by another server"),
    ):
        EmbeddedServer(options).start_blocking()


def test_another_programs_database_is_refused_with_the_servers_own_words(tmp_path: Path) -> None:
    before = _children()
    db = tmp_path / "other.db"
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(ServerStartFailed, match=r"stopped while it was starting: Error: .*no such table: namespaces"):
        EmbeddedServer(ServerOptions(**QUICK, db=db)).start_blocking()
    assert _children() <= before


def test_a_file_with_another_layout_is_refused(tmp_path: Path) -> None:
    options = ServerOptions(**QUICK, db=tmp_path / "jobs.db")
    with EmbeddedServer(options):
        pass
    assert options.db is not None
    with closing(sqlite3.connect(options.db)) as connection:
        for table in ("chasm_node_maps", "tasks_v2", "current_chasm_executions"):
            connection.execute(f"DROP TABLE {table}")
    with pytest.raises(ServerStartFailed, match=r"laid out by another version of the server.*no such table"):
        EmbeddedServer(options).start_blocking()


# Its end


async def test_nothing_is_left_after_stop() -> None:
    before = _children()
    server = EmbeddedServer(ServerOptions(**QUICK))
    await server.start()
    assert server.pid in _children() - before
    await server.stop()
    await server.stop()
    assert _children() <= before


async def test_a_cancelled_start_leaves_nothing() -> None:
    before = _children()
    starting = asyncio.ensure_future(EmbeddedServer(ServerOptions(**QUICK)).start())
    await asyncio.sleep(0.1)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert _children() <= before


def test_a_server_that_hangs_is_killed() -> None:
    server = EmbeddedServer(ServerOptions(port=0, headless=True, stop_timeout=timedelta(seconds=1)))
    server.start_blocking()
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    server.stop_blocking()
    assert time.monotonic() - began < 4
    assert _is_gone(pid)


def test_one_started_in_a_thread_outlives_the_thread() -> None:
    server = EmbeddedServer(ServerOptions(**QUICK))
    thread = threading.Thread(target=server.start_blocking)
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert server.running
    server.stop_blocking()


PROGRAM = """
    import os, sys, time
    from gnosari_temporal.server import EmbeddedServer, ServerOptions
    server = EmbeddedServer(ServerOptions(port=0, headless=True))
    server.start_blocking()
    {then}
    print(server.pid, server.address, flush=True)
    time.sleep(60)
"""


@contextmanager
def _program(then: str = "") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A program with a server, in a process group of its own; its server's pid."""
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM).format(then=then)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    )
    try:
        assert program.stdout is not None
        pid = int(program.stdout.readline().split()[0])
        assert not _is_gone(pid)
        yield program, pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        assert program.stdout is not None
        program.stdout.close()


def test_it_dies_with_a_killed_program() -> None:
    with _program() as (program, pid):
        keeper = psutil.Process(pid).ppid()
        program.kill()
        program.wait()
        _until(lambda: _is_gone(pid) and _is_gone(keeper))


def test_it_dies_with_a_killed_program_whose_forked_child_lives_on() -> None:
    with _program(then="os.fork() or (time.sleep(60), os._exit(0))") as (program, pid):
        program.kill()
        program.wait()
        _until(lambda: _is_gone(pid))


def test_it_dies_with_its_killed_keeper() -> None:
    with _program() as (_, pid):
        psutil.Process(pid).parent().kill()
        _until(lambda: _is_gone(pid))


def test_ctrl_c_of_the_terminal_does_not_reach_it() -> None:
    with _program(then="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)") as (program, pid):
        os.killpg(program.pid, signal.SIGINT)
        time.sleep(0.5)
        assert not _is_gone(pid)
        assert os.getsid(pid) != os.getsid(program.pid)


def test_a_forked_child_does_not_stop_its_parents_server() -> None:
    with EmbeddedServer(ServerOptions(**QUICK)) as server:
        child = os.fork()
        if not child:
            server.stop_blocking()
            os._exit(0)
        os.waitpid(child, 0)
        assert server.running
        assert not _is_gone(server.pid)


def test_an_error_line_about_a_port_is_told_from_others() -> None:
    lost = embedded._PORT_LOST.search(
        "Error: can't set frontend port 17105: listen tcp 127.0.0.1:17105: bind: address already in use"
    )
    assert lost is not None
    assert lost[1] == "17105"
    assert not re.search(embedded._PORT_LOST, "dial tcp 127.0.0.1:17105: connect: connection refused")


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_at_the_end() -> Iterator[None]:
    before = _children()  # the server of the test run, if another test has started it
    yield
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    assert [process for process in left if "temporal" in process.name()] == []
