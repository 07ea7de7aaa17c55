"""Rate limits of tools: the server hands out calls at most so fast, over all workers."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from job_tools import NOTED

from gnosari_temporal import Application, GnosariClient, GnosariWorker, JobState, Settings
from gnosari_temporal.agents import AgentMessage, parse_team
from gnosari_temporal.client import TeamTools
from gnosari_temporal.client.queues import ACTIVITIES, task_queue_state
from gnosari_temporal.errors import ToolError

TEAM = """
tools:
  - {name: limited, module: job_tools, class: SquareTool, mode: async, rate_limit: RATE}
  - {name: limited_sync, module: job_tools, class: SquareTool, mode: sync, rate_limit: 6000}
  - {name: free, module: job_tools, class: SquareTool, mode: async}
"""


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


async def test_the_rate_holds_over_two_workers_and_other_tools_are_free(
    serve_team: Any, gnosari_client: GnosariClient, gnosari_settings: Settings, gnosari_queue: str, key: str
) -> None:
    # given two workers that were given the team, and 120 calls a minute
    text = TEAM.replace("RATE", "120")
    tools = await serve_team(text)
    application = Application.build(gnosari_settings)
    application.add_team(parse_team(text).team)
    second = GnosariWorker(await GnosariClient.connect(gnosari_settings), application, settings=gnosari_settings)

    # when
    async with second:
        calls = [tools.call("limited", {"key": key, "number": n}, priority=1 + n % 10) for n in range(9)]
        tickets = await asyncio.gather(*calls, *(tools.call("free", {"key": f"{key}-free"}) for _ in range(9)))
        results = await asyncio.gather(*(gnosari_client.tool_result(ticket.task_id, 60) for ticket in tickets))

    # then a second's worth may be spent at once, and after it the rate holds
    assert {result["status"] for result in results} == {"completed"}
    assert {ticket.queue for ticket in tickets} == {f"{gnosari_queue}.tool.limited", gnosari_queue}
    limited = await task_queue_state(gnosari_client.temporal, f"{gnosari_queue}.tool.limited", ACTIVITIES)
    assert limited.limit_per_second == 2
    started = sorted(noted.at for noted in NOTED[key])
    assert started[-1] - started[0] > (9 - 2 - 2) / 2
    free = [noted.at for noted in NOTED[f"{key}-free"]]
    assert max(free) < started[-1]


async def test_a_sync_call_of_a_limited_tool_is_counted_too(
    serve_team: Any, gnosari_client: GnosariClient, gnosari_queue: str, key: str, until: Any
) -> None:
    # given
    tools = await serve_team(TEAM.replace("RATE", "120"))

    # when
    result = await tools.call("limited_sync", {"key": key, "number": 3})

    # then it ran as a job on the tool's queue
    assert result["result"] == {"number": 3, "square": 9}
    status = await gnosari_client.job(f"ToolExecutionMessage/{result['task_id']}").status()
    assert (status.state, status.queue) == (JobState.SUCCEEDED, f"{gnosari_queue}.tool.limited_sync")
    with pytest.raises(ToolError, match="limited has a rate limit, and so a queue of its own: leave the queue out"):
        await tools.call("limited", {"key": key}, queue="another")
    with pytest.raises(ToolError, match="limited_sync runs on a worker here: give TeamTools a client"):
        await TeamTools(tools.team).call("limited_sync", {"key": key})


async def test_an_agent_s_sync_call_of_a_limited_tool_goes_through_the_tool_s_queue(
    serve_team: Any, gnosari_client: GnosariClient, gnosari_queue: str, tmp_path: Path, key: str
) -> None:
    # given
    turns = [{"calls": [{"tool": "limited", "args": {"key": key, "number": 5}}]}, {"text": "{{results}}"}]
    (tmp_path / "script.yaml").write_text(yaml.safe_dump({"agents": {"Clerk": turns}}))
    queue = f"{gnosari_queue}-searches"
    tools = await serve_team(
        f"""
        config: {{model: "scripted:{tmp_path / "script.yaml"}"}}
        tools:
          - {{name: limited, module: job_tools, class: SquareTool, mode: sync, rate_limit: 6000, queue_name: {queue}}}
        agents:
          - {{name: Clerk, instructions: Count., tools: [limited]}}
        """
    )

    # when
    job = await gnosari_client.send(AgentMessage(team=tools.team, message="x"))
    answer = await job.result(30)

    # then
    assert '"square": 25' in answer["answer"]
    history = await job.workflow.fetch_history()
    scheduled = [event.activity_task_scheduled_event_attributes for event in history.events]
    queues = {item.task_queue.name for item in scheduled if item.activity_type.name == "ToolExecutionConsumer"}
    assert queues == {f"{queue}.tool.limited"}
