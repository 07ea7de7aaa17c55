"""`gnosari up` and `gnosari server` as a user runs them."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gnosari_temporal.server import free_port
from gnosari_temporal.server.tuning import IN_ORDER

from .project import ExampleMessage, Project, Running, SlowMessage, poll

GREET = ("send", "ExampleMessage", '{"user_id":"u1"}', "--wait", "--timeout", "30s")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Project]:
    """A project whose server is started by the test."""
    project = Project.write(tmp_path / "project")
    yield project
    project.close()


def addresses(running: Running) -> tuple[str, str]:
    """The Web UI's and the server's address, as printed."""
    running.wait_for("Server  ")
    found = re.fullmatch(r"Web UI  (http://\S+)\nServer  (\S+)\n", running.stdout)
    assert found, running.stdout
    return found[1], found[2]


def processes_below(running: Running) -> list[psutil.Process]:
    """The command's process and all that it started."""
    process = psutil.Process(running.process.pid)
    return [process, *process.children(recursive=True)]


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


def test_up_serves_the_project_and_ctrl_c_ends_server_and_worker_cleanly(alone: Project) -> None:
    running = alone.start("up", "--ephemeral", "--port", "0", "--ui-port", "0", TEMPORAL_ADDRESS="10.0.0.1:1")
    ui, address = addresses(running)
    running.wait_for("  consumers ")
    processes = processes_below(running)

    assert ui.startswith("http://127.0.0.1:")
    assert json.loads(alone.run(*GREET, TEMPORAL_ADDRESS=address).stdout) == {"greeting": "Hello, u1!"}
    assert f"export TEMPORAL_ADDRESS={address}" in running.stderr

    running.signal(signal.SIGINT)

    assert running.wait() == 0
    assert_gone(processes)
    assert "Traceback" not in running.stderr
    left = [path.name for path in (alone.directory / ".gnosari").rglob("*") if path.is_file()]
    assert left == [".gitignore"]  # of the pid file; no database


def test_jobs_that_wait_are_kept_in_the_projects_database_and_go_on_with_the_next_up(
    alone: Project, tmp_path: Path
) -> None:
    port = str(free_port())
    alone.environ["TEMPORAL_ADDRESS"] = f"127.0.0.1:{port}"
    server = alone.start("server", "--port", port, "--ui-port", "0")
    addresses(server)
    job = alone.send(ExampleMessage(user_id="u1"))
    assert server.stop() == 0
    assert (alone.directory / ".gnosari" / "temporal.db").is_file()
    assert (alone.directory / ".gnosari" / ".gitignore").read_text() == "*\n"

    up = alone.start("up", "--port", port, "--ui-port", "0", "-c", "2")
    addresses(up)

    assert alone.result(job) == {"greeting": "Hello, u1!"}
    assert up.stop() == 0


def test_what_a_consumer_sends_goes_to_the_server_that_up_started(alone: Project) -> None:
    consumers = alone.directory / "activities" / "__init__.py"
    consumers.write_text(
        consumers.read_text().replace(
            'return {"user_id"',
            "from gnosari_temporal.blocking import send\n"
            '        return send(ExampleMessage(user_id="from-within")).id\n'
            '        return {"user_id"',
        )
    )
    running = alone.start("up", "--ephemeral", "--port", "0", "--ui-port", "0")
    alone.environ["TEMPORAL_ADDRESS"] = addresses(running)[1]
    fields = '{"user_id":"u1","task_type":"process"}'

    child = json.loads(alone.run("send", "MyFeatureMessage", fields, "--wait", "--timeout", "30s").stdout)

    assert alone.result(child) == {"greeting": "Hello, from-within!"}
    assert running.stop() == 0


def test_a_taken_port_is_one_line_that_names_the_remedy(alone: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ran = alone.run("up", "--ephemeral", "--port", str(port), "--ui-port", "0")

    assert ran.returncode == 2
    assert [line for line in ran.stderr.splitlines() if line.startswith("Error:")] == [
        f"Error: port {port} of 127.0.0.1 is taken: stop what listens there, or choose another with --port "
        "(0: a free one)"
    ]
    assert ran.stdout == ""


def test_db_and_ephemeral_contradict_each_other(alone: Project) -> None:
    ran = alone.run("server", "--db", "x.db", "--ephemeral")

    assert ran.returncode == 2
    assert "give one of them" in ran.stderr


def test_the_second_signal_ends_up_at_once_and_leaves_no_process(alone: Project, tmp_path: Path) -> None:
    running = alone.start("up", "--ephemeral", "--port", "0", "--ui-port", "0")
    alone.environ["TEMPORAL_ADDRESS"] = addresses(running)[1]
    running.wait_for("  consumers ")
    processes = processes_below(running)
    alone.send(SlowMessage(folder=tmp_path))
    poll((tmp_path / "started").exists, what="the start")

    running.signal(signal.SIGINT)
    running.wait_for("stopping")
    running.signal(signal.SIGINT)

    assert running.wait(5) == 128 + signal.SIGINT
    assert_gone(processes)


def test_a_server_that_ends_by_itself_ends_up_with_3(alone: Project) -> None:
    running = alone.start("up", "--ephemeral", "--port", "0", "--ui-port", "0")
    running.wait_for("  consumers ")
    server = next(process for process in processes_below(running) if process.name().startswith("temporal"))

    server.kill()

    assert running.wait() == 3
    assert "the embedded server ended by itself" in running.stderr


@pytest.mark.parametrize("command", ["up", "server"])
@pytest.mark.parametrize("option", [(), ("--strict-order",)])
def test_strict_order_is_for_the_server_too(alone: Project, command: str, option: tuple[str, ...]) -> None:
    running = alone.start(command, *option, "--ephemeral", "--port", "0", "--ui-port", "0")
    addresses(running)
    server = next(process for process in processes_below(running) if process.name().startswith("temporal"))

    assert (f"{IN_ORDER.key}={IN_ORDER.value}" in server.cmdline()) is bool(option)
    running.signal(signal.SIGINT)
    assert running.wait() == 0


@pytest.mark.soak
def test_up_with_watch_reloads_the_worker_and_keeps_the_server(alone: Project) -> None:
    running = alone.start("up", "--ephemeral", "--port", "0", "--ui-port", "0", "--watch", "--grace", "1s")
    alone.environ["TEMPORAL_ADDRESS"] = addresses(running)[1]
    running.wait_for("  consumers ")
    processes = processes_below(running)
    consumers = alone.directory / "activities" / "__init__.py"

    consumers.write_text(consumers.read_text().replace('"Hello"', '"Good day"'))

    poll(lambda: running.stderr.count("  consumers ") == 2, seconds=30, what="a second worker")
    assert alone.result(alone.send(ExampleMessage(user_id="u1"))) == {"greeting": "Good day, u1!"}
    processes += processes_below(running)
    assert running.stop() == 0
    assert_gone(processes)


@pytest.mark.soak
def test_a_command_that_waits_says_that_its_server_has_gone(alone: Project, tmp_path: Path) -> None:
    running = alone.start("server", "--ephemeral", "--port", "0", "--headless")
    running.wait_for("Server  ")
    alone.environ["TEMPORAL_ADDRESS"] = running.stdout.split()[1]
    waiting = alone.start("send", "ExampleMessage", '{"user_id":"u1"}', "--wait")
    waiting.wait_for("ExampleMessage/")

    running.stop()

    assert waiting.wait(60) == 3
    assert "no Temporal server at" in waiting.stderr
