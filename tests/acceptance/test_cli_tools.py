"""`gnosari tool` and `gnosari team validate` as a user runs them, with the tools of the document on `gnosari up`."""

from __future__ import annotations

import json
import resource
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from seed_examples import (
    AGENT_USAGE,
    DELEGATION,
    FILE_OPERATIONS,
    TOOL_CONFIGURATION,
    UNDEFINED_IN_AGENT_USAGE,
    UNDEFINED_IN_DELEGATION,
)

from .project import Project, Running

OWN_TOOLS = '''
"""Tools of the project."""

from pathlib import Path

from gnosari_temporal.tools import BaseTool, current_call


class CountTool(BaseTool):
    """Fails as often as it is told, then says how often it was called."""

    def __init__(self, token: str) -> None:
        super().__init__("count", "Counts", {
            "type": "object",
            "properties": {"file": {"type": "string"}, "failures": {"type": "integer"}},
            "required": ["file"],
            "additionalProperties": False,
        })
        self.token = token

    async def run(self, input_data):
        file = Path(input_data["file"])
        count = len(file.read_text()) + 1 if file.exists() else 1
        file.write_text("x" * count)
        if count <= input_data.get("failures", 0):
            raise ConnectionError(f"no answer for {self.token}")
        return {"count": count, "attempt": current_call().attempt}
'''

OWN_TEAM = """
name: Own
tools:
  - name: count
    module: own_tools
    class: CountTool
    args: {token: "${OWN_TOKEN}"}
    retry: {max_retries: 2, initial_interval: 100ms}
  - {name: always_async, module: own_tools, class: CountTool, mode: async, args: {token: "${OWN_TOKEN}"}}
  - name: interactive_bash_operations
    rate_limit: 600
"""


@dataclass
class Up:
    """A project on `gnosari up`, with the document's first example as its team."""

    project: Project
    running: Running
    team: Path
    own: Path

    def tool(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `gnosari tool`."""
        return self.project.run("tool", *arguments, **environ)

    def run(self, tool: str, arguments: dict[str, Any], *options: str, own: bool = False) -> Any:
        """Run a tool; what it prints."""
        ran = self.tool("run", str(self.own if own else self.team), tool, json.dumps(arguments), *options)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def web() -> Iterator[tuple[str, list[str]]]:
    """A web server on loopback: its host and the requests that it got."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", requests
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, web: tuple[str, list[str]]) -> Iterator[Up]:
    project = Project.write(tmp_path_factory.mktemp("tools") / "project")
    team, own = project.directory / "team.yaml", project.directory / "own.yaml"
    team.write_text(TOOL_CONFIGURATION)
    own.write_text(OWN_TEAM)
    (project.directory / "own_tools.py").write_text(OWN_TOOLS)
    running = project.start(
        "up", "--ephemeral", "--port", "0", "--ui-port", "0", "--team", "team.yaml", "--team", "own.yaml",
        GNOSARI_TOOLS_ALLOWED_HOSTS=web[0], OWN_TOKEN="the-token-of-the-worker",
    )  # fmt: skip
    running.wait_for("  consumers ")
    ui, address = (line.split()[-1] for line in running.stdout.splitlines()[:2])
    project.environ |= {"TEMPORAL_ADDRESS": address, "GNOSARI_UI_ADDRESS": ui}
    yield Up(project, running, team, own)
    project.close()


WRITE = {"operation": "write", "file_path": "report.txt", "content": "data"}


def test_an_async_call_prints_a_ticket_at_once_and_the_worker_writes_the_file(up: Up) -> None:
    # when
    seconds = []
    for _ in range(5):  # the time of the processor, the best of five: other tests run at the same time
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ticket = up.run("file_tool_async", WRITE)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if seconds[-1] < 1:
            break
    result = up.tool("result", ticket["task_id"], "--timeout", "30s")

    # then
    assert min(seconds) < 1
    assert ticket["job_id"] == f"ToolExecutionMessage/{ticket['task_id']}"
    assert (ticket["queue"], ticket["priority"], ticket["status"]) == (up.project.queue, 5, "queued")
    assert ticket["web_ui"].startswith(up.project.environ["GNOSARI_UI_ADDRESS"] + "/namespaces/default/workflows/Tool")
    assert result.returncode == 0
    assert json.loads(result.stdout)["result"] == {"operation": "write", "file_path": "report.txt", "size": 4}
    assert (up.project.directory / "workspace" / "report.txt").read_text() == "data"
    shown = up.project.run("job", "show", ticket["job_id"])
    assert "file_tool_async write report.txt" in shown.stdout


def test_the_api_tool_of_the_document_runs_on_its_own_queue(up: Up, web: tuple[str, list[str]]) -> None:
    host, requests = web

    result = up.run("api_tool_async", {"endpoint": f"http://{host}/things"}, "--wait", "--timeout", "30s")

    assert (result["status"], result["result"]["body"]) == ("completed", "ok")
    assert requests == ["/things"]


def test_the_caller_chooses_mode_and_priority_by_options_or_arguments(up: Up, tmp_path: Path) -> None:
    file = str(tmp_path / "count")

    here = up.tool("run", str(up.own), "count", json.dumps({"file": file}), OWN_TOKEN="mine")
    by_options = up.run("count", {"file": file}, "--mode", "async", "--priority", "2", own=True)
    by_arguments = up.run("count", {"file": file, "execution_mode": "async", "async_priority": 3}, own=True)

    assert json.loads(here.stdout)["result"] == {"count": 1, "attempt": 1}
    assert (by_options["priority"], by_arguments["priority"]) == (2, 3)
    refused = up.tool("run", str(up.own), "always_async", json.dumps({"file": file}), "--mode", "sync")
    assert (refused.returncode, refused.stderr) == (2, "Error: always_async is always async: the team file says so\n")


def test_a_tool_that_fails_twice_works_at_attempt_3_and_the_caller_sees_no_error(up: Up, tmp_path: Path) -> None:
    arguments = {"file": str(tmp_path / "count"), "failures": 2}

    result = up.run("count", arguments, "--mode", "async", "--wait", "--timeout", "30s", own=True)

    assert (result["status"], result["result"]) == ("completed", {"count": 3, "attempt": 3})


def test_after_the_last_attempt_the_caller_sees_the_error_and_exit_code_1(up: Up, tmp_path: Path) -> None:
    # given
    arguments = json.dumps({"file": str(tmp_path / "count"), "failures": 9})

    # when
    ran = up.tool("run", str(up.own), "count", arguments, "--mode", "async", "--wait", "--timeout", "30s")
    result = json.loads(ran.stdout)
    again = up.tool("result", result["task_id"])

    # then what the variable held is in no text
    assert ran.returncode == again.returncode == 1
    assert result["status"] == "error"
    assert result["error"] == "ConnectionError: no answer for ${OWN_TOKEN}"
    assert json.loads(again.stdout) == result
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("file_tool_async", {**WRITE, "contnt": "x"}, "contnt: unknown argument, did you mean 'content'?"),
        ("file_tool", WRITE, "no tool 'file_tool' in team 'team'; did you mean 'file_tool_async'?"),
    ],
)
def test_what_is_wrong_with_a_call_is_one_line_and_nothing_is_sent(
    up: Up, tool: str, arguments: dict[str, Any], said: str
) -> None:
    # given no server: nothing gets so far
    environ = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}

    # when
    ran = up.tool("run", str(up.team), tool, json.dumps(arguments), **environ)

    # then
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert said in ran.stderr
    assert ran.stdout == ""


def test_a_tool_bound_to_one_process_is_refused_in_async_mode_with_the_reason(up: Up) -> None:
    arguments = json.dumps({"operation": "start_session", "command": "cat"})

    ran = up.tool("run", str(up.own), "interactive_bash_operations", arguments, "--mode", "async")

    assert ran.returncode == 2
    assert "interactive_bash_operations cannot run in async mode: " in ran.stderr


def test_without_a_server_a_sync_call_runs_and_an_async_one_exits_3(up: Up, tmp_path: Path) -> None:
    arguments = json.dumps({"file": str(tmp_path / "count")})
    environ = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "OWN_TOKEN": "mine"}

    here = up.tool("run", str(up.own), "count", arguments, **environ)
    there = up.tool("run", str(up.own), "count", arguments, "--mode", "async", **environ)

    assert (here.returncode, json.loads(here.stdout)["status"]) == (0, "completed")
    assert there.returncode == 3
    assert "no Temporal server at 127.0.0.1:1" in there.stderr


def test_a_call_that_nobody_serves_says_so_and_times_out_with_exit_code_4(up: Up) -> None:
    ran = up.tool(
        "run", str(up.team), "file_tool_async", json.dumps(WRITE), "--queue", "unserved", "--wait", "--timeout", "1s"
    )
    unknown = up.tool("result", "nothing", "--timeout", "1s")

    assert ran.returncode == unknown.returncode == 4
    assert "no worker serves queue 'unserved': start one with `gnosari worker --team" in ran.stderr
    assert "no tool call with task id 'nothing' on the server" in unknown.stderr


def test_the_tools_of_a_team_are_listed(up: Up) -> None:
    table = up.tool("list", str(up.team))
    data = json.loads(up.tool("list", str(up.own), "--json", OWN_TOKEN="mine").stdout)
    lacking = json.loads(up.tool("list", str(up.own), "--json").stdout)

    lines = table.stdout.splitlines()
    assert lines[0].split() == ["TOOL", "NAME", "MODE", "PRIORITY", "QUEUE", "LIMIT", "CLASS"]
    assert "high_priority_queue" in lines[2]
    assert [item["tool"] for item in data] == ["count", "always_async", "interactive_bash_operations"]
    assert data[0]["args"] == {"token": "${OWN_TOKEN}"}
    assert set(data[0]["parameters"]["properties"]) == {"file", "failures", "execution_mode", "async_priority"}
    assert set(data[1]["parameters"]["properties"]) == {"file", "failures"}
    assert data[2]["queue"] == f"{up.project.queue}.tool.interactive_bash_operations"
    assert lacking[0]["problem"].startswith("${OWN_TOKEN} is not set")


def test_the_four_examples_of_the_document_validate(tmp_path: Path, up: Up) -> None:
    # given
    texts = {
        "tools.yaml": TOOL_CONFIGURATION,
        "agent.yaml": AGENT_USAGE + UNDEFINED_IN_AGENT_USAGE,
        "files.yaml": FILE_OPERATIONS,
        "delegation.yaml": DELEGATION,
        "delegation-with-agents.yaml": DELEGATION + UNDEFINED_IN_DELEGATION,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    # when
    ran = up.project.run("team", "validate", *(str(tmp_path / name) for name in texts))

    # then
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("is fine") == len(texts)


def test_a_tool_that_the_worker_was_not_given_is_refused_and_not_imported(project: Project) -> None:
    # given a worker without the team file
    (project.directory / "own_tools.py").write_text("open('imported', 'w')\n" + OWN_TOOLS)
    (project.directory / "own.yaml").write_text(OWN_TEAM)
    project.start_worker()

    # when
    ran = project.run("send", "ToolExecutionMessage", json.dumps(
        {"task_id": "evil", "tool_name": "count", "tool_module": "own_tools", "tool_class": "CountTool"}
    ), "--wait", "--timeout", "30s")  # fmt: skip

    # then
    assert ran.returncode == 1
    assert "after 1 attempt: ToolNotAllowed: tool own_tools:CountTool is not allowed on this worker" in ran.stderr
    assert '[tools] allow = ["own_tools:CountTool"] in gnosari.toml' in ran.stderr
    assert not (project.directory / "imported").exists()
