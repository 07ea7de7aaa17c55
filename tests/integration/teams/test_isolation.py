"""Many runs at once: each keeps to itself."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

from gnosari_temporal import GnosariClient
from gnosari_temporal.agents import AgentMessage

RUNS = 20


async def test_twenty_runs_at_once_three_levels_deep_do_not_mix(
    scripted: Any, team_worker: Any, gnosari_client: GnosariClient
) -> None:
    # given a team with three levels, and a marker for each run
    def delegate(to: str) -> dict[str, Any]:
        return {"tool": "delegate_agent", "args": {"target_agent": to, "message": "{{input}}"}}

    team = scripted(
        {"Top": [{"calls": [delegate("Middle")]}, {"text": "top({{results}})"}],
         "Middle": [{"calls": [delegate("Bottom")]}, {"text": "middle({{results}})"}],
         "Bottom": [{"text": "bottom({{input}})", "takes": "200ms"}]},
        agents=[{"name": "Top", "instructions": "T", "delegation": ["Middle"]},
                {"name": "Middle", "instructions": "M", "delegation": ["Bottom"]},
                {"name": "Bottom", "instructions": "B"}],
    )  # fmt: skip
    markers = [f"<marker {number:03}>" for number in range(RUNS)]
    await team_worker(team)

    # when
    jobs = await asyncio.gather(*(gnosari_client.send(AgentMessage(team=team, message=marker)) for marker in markers))
    results = await asyncio.gather(*(job.result(90) for job in jobs))

    # then each has its own answer
    assert [result["answer"] for result in results] == [f"top(middle(bottom({marker})))" for marker in markers]
    # and no history another's marker
    for job, marker in zip(jobs, markers, strict=True):
        for id in (job.id, f"{job.id}.Middle-1", f"{job.id}.Middle-1.Bottom-1"):
            history = (await gnosari_client.job(id).workflow.fetch_history()).to_json()
            assert set(re.findall(rb"<marker \d+>", payloads_of(history))) == {marker.encode()}


def payloads_of(history: str) -> bytes:
    """What the payloads of a history hold, which are written in base64."""
    return b"\n".join(base64.b64decode(data) for data in re.findall(r'"data":\s*"([A-Za-z0-9+/=]+)"', history))
