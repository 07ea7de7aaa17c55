"""Approvals: a run waits for a person, over restarts of everything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal import Application, GnosariClient, GnosariWorker, JobFailed, JobHandle
from gnosari_temporal.agents import AgentMessage, TeamSpec
from gnosari_temporal.testing import LocalServer

WRITE = {"operation": "write", "file_path": "plan.txt", "content": "attack at dawn"}


def team_that_asks(scripted: Any, folder: Path, **approval: Any) -> TeamSpec:
    """A team whose agent needs an approval for a tool and for a delegation."""
    team: TeamSpec = scripted(
        {
            "Boss": [
                {"calls": [{"tool": "files", "args": WRITE}]},
                {"calls": [{"tool": "delegate_agent", "args": {"target_agent": "Aide", "message": "go"}}]},
                {"text": "{{results}}"},
            ],
            "Aide": [{"text": "gone"}],
        },
        tools=[
            {
                "name": "files",
                "module": "gnosari.tools.builtin.file_operations",
                "class": "FileOperationsTool",
                "args": {"base_directory": str(folder)},
                "approval": approval or True,
            }
        ],
        agents=[
            {
                "name": "Boss",
                "instructions": "B",
                "tools": ["files"],
                "delegation": [{"agent": "Aide", "approval": approval or True}],
            },
            {"name": "Aide", "instructions": "A"},
        ],
    )
    return team


async def until_waiting(job: JobHandle[Any], before: str = "") -> str:
    """Wait for a question other than ``before``; its key."""
    async with asyncio.timeout(30):
        while True:
            status = await job.status()
            keys = [question.key for question in status.questions if question.key != before]
            if status.state == "WAITING" and keys:
                return keys[0]
            await asyncio.sleep(0.05)


async def test_a_run_that_waits_survives_a_restart_of_worker_and_server(scripted: Any, tmp_path: Path) -> None:
    # given a run that waits for a person on a server with a database
    team = team_that_asks(scripted, tmp_path)
    application = Application.build()
    application.add_team(team)
    database = tmp_path / "temporal.db"
    with LocalServer(db=database) as server:
        client = await GnosariClient.connect(server.settings())
        async with GnosariWorker(client, application):
            job = await client.send(AgentMessage(team=team, message="plan"))
            key = await until_waiting(job)
            waiting = [found.id async for found in client.jobs(state="waiting")]
            assert waiting == [job.id]
            assert not (tmp_path / "plan.txt").exists()

    # when both are gone, and others come
    with LocalServer(db=database) as server:
        client = await GnosariClient.connect(server.settings())
        job = client.job(job.id)
        status = await job.status()
        assert "wants to call files" in status.questions[0].question
        await job.approve(by="ada")
        async with GnosariWorker(client, application):
            await until_waiting(job, before=key)

            # then the approved call was made, and a rejection reaches the agent
            assert (tmp_path / "plan.txt").read_text() == "attack at dawn"
            await job.reject(reason="too early", by="bob")
            result = await job.result(30)
    assert result["answer"] == "Rejected by bob: too early. The call was not made."
    assert result["total"]["requests"] == 3


@pytest.mark.parametrize("on_timeout", ["reject", "approve", "fail"])
async def test_what_happens_when_nobody_answers_is_said_by_the_team_file(
    on_timeout: str, scripted: Any, run: Any, tmp_path: Path
) -> None:
    # given
    team = team_that_asks(scripted, tmp_path, timeout="300ms", on_timeout=on_timeout)

    # when
    job = await run(team)

    # then
    if on_timeout == "fail":
        with pytest.raises(JobFailed, match="ApprovalTimedOut: nobody answered in time: Boss wants to call files"):
            await job.result(20)
    else:
        answer = (await job.result(20))["answer"]
        rejected = "Rejected: nobody answered in time. The call was not made."
        assert answer == ("gone" if on_timeout == "approve" else rejected)
    assert (tmp_path / "plan.txt").exists() == (on_timeout == "approve")
