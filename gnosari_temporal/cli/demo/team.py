"""The team of the demo: an editor, a researcher who is waited for, and two writers who work side by side.

Its model is scripted: it plays the turns below and needs no network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ...agents import AgentMessage, parse_team
from ...agents.models.scripted import with_scripts_of
from ...client import JobState
from ...client.tree import JobTree
from ..tree_view import tree_lines
from .account import Account
from .observe import JobWatch
from .stage import Stage

_TEAM = """
name: Newsroom
config: {model: scripted:script.yaml}
agents:
  - name: Editor
    instructions: Have the topic researched, then drafted twice at once.
    delegation: [{agent: Researcher, mode: sync}, {agent: Poet, mode: async}, {agent: Reporter, mode: async}]
  - {name: Researcher, instructions: Find facts.}
  - {name: Poet, instructions: Write a poem.}
  - {name: Reporter, instructions: Write a report.}
"""

_SCRIPT = """
agents:
  Editor:
    - calls: [{tool: delegate_agent, args: {target_agent: Researcher, message: "{{input}}"}}]
    - calls:
        - {tool: delegate_agent, args: {target_agent: Poet, message: "{{results}}"}}
        - {tool: delegate_agent, args: {target_agent: Reporter, message: "{{results}}"}}
    - text: The drafts are on their way.
    - text: "{{results}}"
  Researcher:
    - {text: "{{input}} covers 71 % of the Earth", takes: 200ms}
  Poet:
    - {text: "Blue is {{input}}", takes: 600ms}
  Reporter:
    - {text: "Learned today: {{input}}", takes: 600ms}
"""


async def team_runs(stage: Stage, account: Account, say: Callable[[str], None]) -> None:
    """A team of agents: delegation is a child workflow, awaited or sent off, and what was sent off comes back."""
    say("A team of agents, with a scripted model: who does what, and when.")
    with tempfile.TemporaryDirectory(prefix="gnosari-demo-") as directory:
        (Path(directory) / "script.yaml").write_text(_SCRIPT, encoding="utf-8")
        team = with_scripts_of(parse_team(_TEAM).team, Path(directory))
        job = await stage.client.send(AgentMessage(team=team, message="the sea"))
        await account.enter("team", JobWatch(job), JobState.SUCCEEDED)
        answer = str((await job.result(10))["answer"])
    tree = await JobTree(stage.client.temporal, job.id).read()
    for line in tree_lines(tree):
        say(f"  {line}")
    writers = [node for node in tree.children if node.mode]
    starts = [node.started_at for node in writers if node.started_at]
    ends = [node.ended_at for node in writers if node.ended_at]
    overlap = len(ends) == 2 and max(starts) < min(ends)
    account.expect("team: delegations", 3, sum(node.kind == "agent" for node in tree.children))
    account.expect_that("team: the writers worked side by side", overlap, tree.to_dict())
    both = "Blue is the sea covers 71 %" in answer and "Learned today: the sea covers 71 %" in answer
    account.expect_that("team: both drafts came back", both, answer)
