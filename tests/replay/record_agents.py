"""Records the histories of agents' runs that the replay tests read: ``python -m tests.replay.record_agents``."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml

from gnosari_temporal import Application, GnosariClient, GnosariWorker, JobCancelled
from gnosari_temporal.agents import AgentMessage, TeamSpec, parse_team
from gnosari_temporal.testing import LocalServer

HISTORIES = Path(__file__).parent / "histories"


def delegate(to: str, **more: Any) -> dict[str, Any]:
    return {"tool": "delegate_agent", "args": {"target_agent": to, "message": "{{input}}", **more}}


def busy_team(folder: Path) -> TeamSpec:
    """A team that uses everything: delegation in both modes, tools in both modes, approvals, a handoff."""
    file = {"operation": "write", "file_path": "a.txt", "content": "x"}
    kind = {"module": "gnosari.tools.builtin.file_operations", "class": "FileOperationsTool"}
    turns = {
        "Manager": [
            {
                "calls": [
                    delegate("Writer", execution_mode="async"),
                    delegate("Checker"),
                    {"tool": "files", "args": file},
                ]
            },
            {"calls": [{"tool": "check_tasks"}, {"tool": "later", "args": {**file, "file_path": "b.txt"}}]},
            {"calls": [{"tool": "collect_tasks"}, {"tool": "nothing"}]},
            {"calls": [{"tool": "asked", "args": {**file, "file_path": "c.txt"}}]},
            {"calls": [{"tool": "transfer_to_Closer"}]},
        ],
        "Writer": [{"text": "written", "takes": "500ms"}],
        "Checker": [{"fail": {"status": 400, "message": "no"}}],
        "Closer": [{"text": "closed: {{results}}"}],
    }
    return _team(
        folder,
        turns,
        tools=[
            {"name": "files", "mode": "sync", "args": {"base_directory": str(folder)}, **kind},
            {"name": "later", "mode": "async", "args": {"base_directory": str(folder)}, **kind},
            {"name": "asked", "approval": True, "args": {"base_directory": str(folder)}, **kind},
        ],
        agents=[
            {
                "name": "Manager",
                "instructions": "M",
                "tools": ["files", "later", "asked"],
                "delegation": ["Writer", {"agent": "Checker", "mode": "sync"}],
                "can_transfer_to": ["Closer"],
            },
            *({"name": name, "instructions": name} for name in ("Writer", "Checker", "Closer")),
        ],
    )


def long_team(folder: Path) -> TeamSpec:
    """A team whose run continues as new with an open task."""
    turns = {
        "Manager": [
            {"calls": [delegate("Writer")]},
            {"calls": [{"tool": "no"}], "times": 8},
            {"text": "wait"},
            {"text": "end"},
        ],
        "Writer": [{"text": "written", "takes": "1500ms"}],
    }
    return _team(
        folder,
        turns,
        config={"max_tokens_total": 1_000_000, "timeout": "1h"},
        agents=[
            {"name": "Manager", "instructions": "M", "delegation": [{"agent": "Writer", "mode": "async"}]},
            {"name": "Writer", "instructions": "W"},
        ],
    )


def _team(folder: Path, turns: dict[str, Any], **team: Any) -> TeamSpec:
    script = folder / "script.yaml"
    script.write_text(yaml.safe_dump({"agents": turns}), encoding="utf-8")
    config = {"model": f"scripted:{script}", **team.pop("config", {})}
    return parse_team(yaml.safe_dump({"name": "Recorded", "config": config, **team})).team


async def record(server: LocalServer, folder: Path) -> None:
    """Run the teams and keep the histories of every workflow."""
    client = await GnosariClient.connect(server.settings())
    busy, long = busy_team(folder / "busy"), long_team(folder / "long")
    application = Application.build(client.settings)
    application.add_team(busy)
    client.registry = application.registry
    async with GnosariWorker(client, application):
        job = await client.send(AgentMessage(team=busy, message="the sea", message_id="busy", session_id="s"))
        while (await job.status()).state != "WAITING":
            await asyncio.sleep(0.05)
        await job.steer("hurry")
        await job.approve(by="ada")
        await job.result(60)
        ahead = await client.send(AgentMessage(team=long, message="x", message_id="long", history_limit=40))
        await ahead.result(60)
        cancelled = await client.send(AgentMessage(team=busy, message="y", message_id="cancelled"))
        while (await cancelled.status()).state != "WAITING":
            await asyncio.sleep(0.05)
        await cancelled.cancel()
        with contextlib.suppress(JobCancelled):
            await cancelled.result(60)
    names = {
        "AgentMessage/busy": "agent_busy",
        "AgentMessage/busy.Writer-1": "agent_delegated",
        "AgentMessage/busy.Checker-2": "agent_failed",
        "AgentMessage/cancelled": "agent_cancelled",
        "SessionMessage/Recorded/s": "session",
    }
    for id, name in names.items():
        await _keep(client, id, None, name)
    await _keep(client, ahead.id, ahead.run_id, "agent_before_continue_as_new")
    await _keep(client, ahead.id, None, "agent_after_continue_as_new")


async def _keep(client: GnosariClient, id: str, run_id: str | None, name: str) -> None:
    history = await client.temporal.get_workflow_handle(id, run_id=run_id).fetch_history()
    scrubbed = json.dumps(_scrubbed(json.loads(history.to_json())), indent=1)
    (HISTORIES / f"{name}.json").write_text(scrubbed + "\n", encoding="utf-8")


def _scrubbed(value: Any, key: str = "") -> Any:
    """The history without what only says on which machine it was recorded."""
    if isinstance(value, dict):
        return {name: _scrubbed(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item, key) for item in value]
    if key == "identity":
        return "recorder"
    if key == "data":
        return base64.b64encode(_without_paths(base64.b64decode(value).decode()).encode()).decode()
    return _without_paths(value) if isinstance(value, str) else value


def _without_paths(text: str) -> str:
    return re.sub(r"(/[^\s\"']*)?/(gnosari_temporal|temporalio|asyncio|concurrent|tests)/", r"\2/", text)


def main() -> None:
    """Record on a server of its own."""
    logging.disable()
    HISTORIES.mkdir(exist_ok=True)
    with LocalServer() as server, tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        for name in ("busy", "long"):
            Path(name).mkdir()
        asyncio.run(record(server, Path()))


if __name__ == "__main__":
    main()
