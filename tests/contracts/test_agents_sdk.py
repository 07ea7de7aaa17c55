"""The Agents SDK, whose import takes two seconds, is imported by the first model call and by nothing before it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

WHAT_A_WORKER_IMPORTS = """
from pathlib import Path
from gnosari_temporal import GnosariClient, GnosariWorker, Settings, load_project
application = load_project(Settings(project_dir=Path.cwd()))
"""
WITH_A_TEAM = """
from gnosari_temporal.agents import AgentMessage, load_team
application.add_team(load_team("examples/delegation/team.yaml").team)
AgentMessage(team=application.teams[0], message="x").to_dict()
"""
COMMAND_LINE = "import gnosari_temporal.cli.main, gnosari_temporal.cli.run, gnosari_temporal.cli.worker\n"


@pytest.mark.parametrize(
    "script",
    [WHAT_A_WORKER_IMPORTS, WHAT_A_WORKER_IMPORTS + WITH_A_TEAM, COMMAND_LINE],
    ids=["worker", "worker with a team", "command line"],
)
def test_nothing_imports_the_sdk_before_a_model_is_called(script: str) -> None:
    # when
    script += "import sys; print(sorted({'agents', 'openai', 'mcp', 'litellm'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    # then
    assert found.stdout.strip() == "[]"
