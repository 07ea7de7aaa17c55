"""The command tools with real processes."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gnosari_temporal.errors import ToolDefinitionError, ToolInputError
from gnosari_temporal.tools import ToolCall, async_refusal_of, load_builtin, run_tool
from gnosari_temporal.tools.commands.sessions import end_all, find_session

PYTHON = sys.executable


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Any]:
    def make_tool(*allowed: str, name: str = "bash_operations", **args: Any) -> Any:
        return load_builtin(name, {"base_directory": str(tmp_path / "ws"), "allowed_commands": list(allowed), **args})

    return make_tool


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "script.py"
    path.write_text(text)
    return f"{PYTHON} {path}"


async def test_an_allowed_command_runs_and_says_what_it_said(make: Callable[..., Any], tmp_path: Path) -> None:
    answer = await run_tool(
        make("*"), {"command": script(tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")}
    )

    assert (answer["exit_code"], answer["stdout"], answer["stderr"]) == (3, "out\n", "err\n")
    assert (answer["timed_out"], answer["truncated"]) == (False, False)


async def test_nothing_runs_that_is_not_allowed(make: Callable[..., Any], tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    for tool in (make(), make("ls"), load_builtin("bash_operations"), load_builtin("bash")):
        with pytest.raises(ToolInputError, match="is refused"):
            await run_tool(tool, {"command": f"touch {mark}"})

    assert not mark.exists()


async def test_words_are_words_and_no_shell_reads_them(make: Callable[..., Any]) -> None:
    answer = await run_tool(make("echo"), {"command": "echo '$HOME' \"a;b\" \\| '*'"})

    assert answer["stdout"] == "$HOME a;b | *\n"


async def test_a_shell_runs_only_where_the_team_file_asks_for_one(make: Callable[..., Any]) -> None:
    answer = await run_tool(make("printf 'a\\nb\\n' | wc -l", shell=True), {"command": "printf 'a\\nb\\n' | wc -l"})

    assert answer["stdout"].strip() == "2"


async def test_it_runs_in_the_folder_and_never_outside(make: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "out").symlink_to("/")

    answer = await run_tool(make("pwd"), {"command": "pwd", "working_directory": "sub/dir"})

    assert answer["stdout"].strip() == str(tmp_path / "ws" / "sub" / "dir")
    for folder in ("..", "/", "out", "sub/../.."):
        with pytest.raises(ToolInputError, match=r"is refused: "):
            await run_tool(make("pwd"), {"command": "pwd", "working_directory": folder})


async def test_the_workers_environment_stays_with_the_worker(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_WORKER", "s3cr3t")

    answer = await run_tool(
        make("env", env={"GREETING": "hi"}), {"command": "env"}, call=ToolCall("task", "key", attempt=2)
    )

    names = {line.partition("=")[0] for line in answer["stdout"].splitlines()}
    assert "s3cr3t" not in answer["stdout"]
    assert "GREETING=hi" in answer["stdout"]
    assert "GNOSARI_IDEMPOTENCY_KEY=key" in answer["stdout"]
    assert "GNOSARI_ATTEMPT=2" in answer["stdout"]
    assert names <= {"PATH", "HOME", "LANG", "TERM", "GREETING", "GNOSARI_TASK_ID", "GNOSARI_IDEMPOTENCY_KEY",
                     "GNOSARI_ATTEMPT", "PWD", "SHLVL", "_"}  # fmt: skip


async def test_nothing_is_read_from_the_workers_input(make: Callable[..., Any]) -> None:
    assert (await run_tool(make("cat"), {"command": "cat", "timeout": 5}))["stdout"] == ""


async def test_output_is_limited_and_the_rest_is_dropped(make: Callable[..., Any], tmp_path: Path) -> None:
    command = script(tmp_path, "import sys; sys.stdout.write('x' * 5_000_000); sys.stderr.write('y' * 50)")

    answer = await run_tool(make("*", max_output_size=1000), {"command": command})

    assert answer["stdout"] == "x" * 1000
    assert answer["stderr"] == "y" * 50
    assert answer["truncated"] is True
    assert answer["exit_code"] == 0


TREE = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleeper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
child = subprocess.Popen([sys.executable, "-c", sleeper])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
print("started", flush=True)
time.sleep({sleep})
os._exit(0)
"""


def gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
            return True
        time.sleep(0.05)
    return False


def tree(tmp_path: Path, sleep: float) -> tuple[str, Path]:
    pids = tmp_path / "pids"
    return f"{script(tmp_path, TREE.replace('{sleep}', str(sleep)))} {pids}", pids


async def until_written(path: Path) -> list[int]:
    for _ in range(200):
        if path.exists() and len(path.read_text().split()) == 2:
            return [int(pid) for pid in path.read_text().split()]
        await asyncio.sleep(0.05)
    raise AssertionError("the processes did not start")


async def test_a_timeout_ends_the_whole_family_and_is_a_result(make: Callable[..., Any], tmp_path: Path) -> None:
    command, pids = tree(tmp_path, 300)
    started = time.monotonic()

    answer = await run_tool(make("*"), {"command": command, "timeout": 1.5})

    assert time.monotonic() - started < 8
    assert (answer["timed_out"], answer["exit_code"], answer["stdout"]) == (True, None, "started\n")
    assert gone(await until_written(pids))


async def test_a_child_left_in_the_background_is_ended_with_its_parent(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    command, pids = tree(tmp_path, 0)
    started = time.monotonic()

    answer = await run_tool(make("*"), {"command": command})

    assert answer["exit_code"] == 0
    assert time.monotonic() - started < 8
    assert gone(await until_written(pids))


async def test_cancellation_ends_the_whole_family(make: Callable[..., Any], tmp_path: Path) -> None:
    command, pids = tree(tmp_path, 300)
    task = asyncio.create_task(run_tool(make("*"), {"command": command, "timeout": 100}))
    family = await until_written(pids)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(family)


async def test_a_call_cannot_ask_for_more_than_five_minutes(make: Callable[..., Any]) -> None:
    tool = make("sleep")

    with pytest.raises(ToolInputError, match="timeout"):
        await run_tool(tool, {"command": "sleep 0", "timeout": -1})
    assert (await run_tool(tool, {"command": "sleep 0", "timeout": 10**9}))["exit_code"] == 0


async def test_a_program_that_is_not_there_is_said(make: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("x")
    for command in ("no-such-program-here", str(tmp_path / "plain.txt")):
        with pytest.raises(ToolInputError, match="there is no program"):
            await run_tool(make("*"), {"command": command})


def test_gnosaris_unsafe_mode_is_answered_with_what_to_write(make: Callable[..., Any]) -> None:
    with pytest.raises(ToolDefinitionError, match=r"allowed_commands: \['\*'\]"):
        make("ls", unsafe_mode=True)


class TestRows:
    async def test_commands_run_in_a_row_until_one_fails(self, make: Callable[..., Any]) -> None:
        tool = make("echo", "false", name="bash")

        answer = await run_tool(tool, {"commands": ["echo 1", "false", "echo 2"]})
        on = await run_tool(tool, {"commands": ["false", "echo 2"], "stop_on_error": False})

        assert [done["command"] for done in answer["results"]] == ["echo 1", "false"]
        assert (answer["exit_code"], answer["not_run"]) == (1, ["echo 2"])
        assert (on["exit_code"], len(on["results"])) == (0, 2)

    async def test_none_runs_unless_all_are_allowed(self, make: Callable[..., Any], tmp_path: Path) -> None:
        mark = tmp_path / "mark"

        with pytest.raises(ToolInputError, match="rm -rf"):
            await run_tool(make("touch", name="bash"), {"commands": [f"touch {mark}", "rm -rf /"]})

        assert not mark.exists()

    async def test_the_team_files_commands_run_when_a_call_gives_none(self, make: Callable[..., Any]) -> None:
        answer = await run_tool(make("echo", name="bash", commands=["echo ready"], env_vars={"A": "b"}), {})

        assert answer["results"][0]["stdout"] == "ready\n"
        with pytest.raises(ToolInputError, match="command: missing"):
            await run_tool(make("echo", name="bash"), {})
        with pytest.raises(ToolInputError, match="not both"):
            await run_tool(make("echo", name="bash"), {"command": "echo", "commands": ["echo"]})


ASKING = """
name = input("your name? ")
print("hello " + name.upper())
age = input("your age? ")
print("born long ago" if int(age) > 50 else "young")
"""


class TestSessions:
    @pytest.fixture(autouse=True)
    def _end_sessions(self) -> Iterator[None]:
        yield
        end_all()

    def tool(self, tmp_path: Path) -> Any:
        return load_builtin(
            "interactive_bash_operations",
            {"base_directory": str(tmp_path / "ws"), "allowed_commands": [f"{PYTHON} *", "cat"]},
        )

    async def test_a_conversation(self, tmp_path: Path) -> None:
        tool = self.tool(tmp_path)
        first = await run_tool(tool, {"action": "start_session", "command": script(tmp_path, ASKING)})
        session = first["session_id"]
        second = await run_tool(tool, {"action": "send_input", "session_id": session, "input_text": "ada\n"})
        third = await run_tool(
            self.tool(tmp_path),  # a tool is made for every call
            {"action": "send_input", "session_id": session, "input_text": "80", "special_keys": ["enter"]},
        )

        assert first["output"] == "your name? "
        assert first["running"] is True
        assert "hello ADA" in second["output"]
        assert second["output"].endswith("your age? ")
        assert "born long ago" in third["output"]
        for _ in range(50):
            last = await run_tool(tool, {"action": "check_session", "session_id": session, "read_timeout": 0.1})
            if not last["running"]:
                break
        assert last["exit_code"] == 0
        with pytest.raises(ToolInputError, match="has ended"):
            await run_tool(tool, {"action": "send_input", "session_id": session, "input_text": "x"})

    async def test_a_session_can_be_ended(self, tmp_path: Path) -> None:
        tool = self.tool(tmp_path)
        started = await run_tool(tool, {"action": "start_session", "command": "cat", "read_timeout": 0.1})
        process = find_session(started["session_id"]).process

        ended = await run_tool(tool, {"action": "terminate_session", "session_id": started["session_id"]})

        assert ended["running"] is False
        assert gone([process.pid])
        with pytest.raises(ToolInputError, match=rf"this worker process \(pid {os.getpid()}\) has no session"):
            await run_tool(tool, {"action": "check_session", "session_id": started["session_id"]})

    async def test_sessions_are_limited_in_number(self, tmp_path: Path) -> None:
        tool = self.tool(tmp_path)
        for _ in range(8):
            await run_tool(tool, {"action": "start_session", "command": "cat", "read_timeout": 0.05})

        with pytest.raises(ToolInputError, match="8 sessions are open"):
            await run_tool(tool, {"action": "start_session", "command": "cat"})

    async def test_only_allowed_programs_start(self, tmp_path: Path) -> None:
        with pytest.raises(ToolInputError, match="allowed_commands are"):
            await run_tool(self.tool(tmp_path), {"action": "start_session", "command": "sh"})
        with pytest.raises(ToolInputError, match="command: missing; start_session needs it"):
            await run_tool(self.tool(tmp_path), {"action": "start_session"})

    def test_async_mode_is_refused_with_the_reason(self, tmp_path: Path) -> None:
        tool = self.tool(tmp_path)

        assert "live in the worker process that started them" in (async_refusal_of(tool) or "")
        assert async_refusal_of(type(tool)) == async_refusal_of(tool)
        assert tool.supports_async_execution() is False
        assert async_refusal_of(load_builtin("bash")) is None


def test_the_programs_of_these_tests_are_there() -> None:
    assert all(shutil.which(name) for name in ("cat", "echo", "env", "false", "ls", "pwd", "sleep", "touch"))
