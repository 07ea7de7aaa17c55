"""The four YAML examples of the Gnosari Queue System's document run as they stand.

What they leave undefined is added here: a model (a scripted one), the two tools of the agent's usage and the agents of
the delegation (``seed_examples``), and the right to reach the test's own web server.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from seed_examples import (
    AGENT_USAGE,
    DELEGATION,
    FILE_OPERATIONS,
    TOOL_CONFIGURATION,
    UNDEFINED_IN_AGENT_USAGE,
    UNDEFINED_IN_DELEGATION,
)
from tools_http import WebServer

from gnosari_temporal import GnosariClient
from gnosari_temporal.agents import AgentMessage
from gnosari_temporal.client import ToolTicket


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where worker and test run: the examples name folders relative to it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_script(text: str, folder: Path, turns: dict[str, Any]) -> str:
    """The example with a scripted model."""
    (folder / "script.yaml").write_text(yaml.safe_dump({"agents": turns}))
    return f"{text}\nconfig:\n  model: 'scripted:{folder / 'script.yaml'}'\n"


async def test_the_tool_configuration_runs(
    serve_team: Any, gnosari_client: GnosariClient, folder: Path, web: WebServer
) -> None:
    # given
    reachable = gnosari_client.settings.tools.model_copy(update={"allowed_hosts": (web.host,)})
    tools = await serve_team(TOOL_CONFIGURATION, changes={"tools": reachable})

    # when
    file = await tools.call("file_tool_async", {"operation": "write", "file_path": "report.txt", "content": "data"})
    api = await tools.call(
        "api_tool_async", {"endpoint": f"{web.url}/things", "method": "POST", "body_params": {"a": 1}}
    )
    written, asked = [await gnosari_client.tool_result(ticket.task_id, 30) for ticket in (file, api)]

    # then
    assert isinstance(file, ToolTicket)
    assert written["status"] == asked["status"] == "completed"
    assert (folder / "workspace" / "report.txt").read_text() == "data"
    assert (api.queue, api.priority) == ("high_priority_queue", 2)
    assert json.loads(web.requests[0].body) == {"a": 1}
    assert web.requests[0].headers["Idempotency-Key"] == f"{api.job_id}#1"
    assert asked["result"]["status_code"] == 200


async def test_the_agent_usage_runs(serve_team: Any, gnosari_client: GnosariClient, folder: Path) -> None:
    # given an agent that writes with both tools
    def write(tool: str, file: str) -> dict[str, Any]:
        return {"tool": tool, "args": {"operation": "write", "file_path": file, "content": "by {{input}}"}}

    turns = [
        {"calls": [write("file_tool_async", "a.txt"), write("file_tool_sync", "b.txt")]},
        {"calls": [{"tool": "collect_tasks"}]},
        {"text": "both written"},
    ]
    tools = await serve_team(with_script(AGENT_USAGE + UNDEFINED_IN_AGENT_USAGE, folder, {"Task Manager": turns}))

    # when
    job = await gnosari_client.send(AgentMessage(team=tools.team, message="me"))
    answer = await job.result(30)

    # then
    assert answer["answer"] == "both written"
    assert [(folder / "workspace" / name).read_text() for name in ("a.txt", "b.txt")] == ["by me", "by me"]


async def test_the_dynamic_choice_runs(serve_team: Any, gnosari_client: GnosariClient, folder: Path) -> None:
    # given a tool whose mode is not written, and the document's arguments
    tools = await serve_team("tools: [{name: file_operations}]")
    chosen = {
        "operation": "write",
        "file_path": "report.txt",
        "content": "data",
        "execution_mode": "async",
        "async_priority": 3,
    }

    # when
    ticket = await tools.call("file_operations", chosen)
    result = await gnosari_client.tool_result(ticket.task_id, 30)

    # then
    assert (ticket.priority, result["status"]) == (3, "completed")
    assert (folder / "workspace" / "report.txt").read_text() == "data"


async def test_the_file_operations_run(serve_team: Any, gnosari_client: GnosariClient, folder: Path) -> None:
    tools = await serve_team(FILE_OPERATIONS)

    result = await tools.run(
        "Async File Manager", {"operation": "append", "file_path": "log.txt", "content": "line\n"}, timeout=30
    )

    assert result["result"]["exactly_once"] is True
    assert (folder / "data" / "log.txt").read_text() == "line\n"


async def test_the_delegation_runs_for_a_program_and_for_an_agent(
    serve_team: Any, gnosari_client: GnosariClient, folder: Path
) -> None:
    # given
    turns = {
        "Boss": [
            {"calls": [{"tool": "async_delegator", "args": {"target_agent": "Writer", "message": "{{input}}"}}]},
            {"calls": [{"tool": "collect_tasks"}]},
            {"text": "I have: {{results}}"},
        ],
        "Writer": [{"text": "a text on {{input}}"}],
    }
    tools = await serve_team(with_script(DELEGATION + UNDEFINED_IN_DELEGATION, folder, turns))

    # when
    ticket = await tools.call("Async Delegator", {"target_agent": "Writer", "message": "the moon"})
    delegated = await gnosari_client.tool_result(ticket.task_id, 30)
    job = await gnosari_client.send(AgentMessage(team=tools.team, agent="Boss", message="the sea"))
    answer = await job.result(30)

    # then
    assert ticket.job_id == ticket.task_id == f"AgentMessage/{ticket.message_id}"
    assert ticket.priority == 1
    assert (delegated["status"], delegated["result"]) == ("completed", "a text on the moon")
    assert "a text on the sea" in answer["answer"]
