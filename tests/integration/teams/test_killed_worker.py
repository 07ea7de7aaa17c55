"""A worker that is killed in the middle of a run: another goes on where it stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal import GnosariClient, Settings
from gnosari_temporal.agents import AgentMessage, load_team

from .agents_http import Call, Reply

TOOL = '''
import time
from pathlib import Path

from pydantic import BaseModel

from gnosari_temporal.tools import BaseTool, current_call


class Input(BaseModel):
    number: int


class EffectTool(BaseTool):
    """Has an effect after a while."""

    def __init__(self, folder: str) -> None:
        super().__init__("effect", "Has an effect", Input)
        self.folder = Path(folder)

    async def run(self, input_data: Input) -> str:
        (self.folder / f"started-{input_data.number}").touch()
        if input_data.number == 2 and current_call().attempt == 1 and not (self.folder / "killed").exists():
            time.sleep(60)
        with (self.folder / "effects.txt").open("a") as file:
            file.write(f"{input_data.number}\\n")
        return f"effect {input_data.number}"
'''

TEAM = """
name: Killed
config: {{model: test-model}}
tools:
  - {{name: effect, module: effect_tool, class: EffectTool, args: {{folder: "{folder}"}}, mode: sync}}
agents:
  - {{name: Manager, instructions: I am the manager, delegation: [{{agent: Worker, mode: sync}}]}}
  - {{name: Worker, instructions: I am the worker, tools: [effect]}}
"""


def answer(call: Call) -> Reply:
    if call.system.startswith("I am the manager"):
        if call.turn == 1:
            return Reply(calls=[("delegate_agent", {"target_agent": "Worker", "message": "work"})])
        return Reply(f"finished: {call.last}")
    if call.turn <= 2:
        return Reply(calls=[("effect", {"number": call.turn})])
    return Reply(f"worked: {call.last}")


@pytest.fixture
def start_worker(tmp_path: Path, gnosari_settings: Settings) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `gnosari worker --team` in a project of its own."""
    running: list[subprocess.Popen[bytes]] = []
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GNOSARI_", "TEMPORAL_", "OPENAI_"))}

    def start(**environ: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("gnosari")), "worker", "--team", "team.yaml", "--grace", "1"],
            cwd=tmp_path,
            env={
                **clean,
                **gnosari_settings.environ,
                "GNOSARI_DEFAULT_QUEUE": gnosari_settings.default_queue,
                **environ,
            },
            stderr=subprocess.DEVNULL,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(20)


async def test_a_killed_worker_repeats_no_model_call_and_no_effect(
    start_worker: Any, model_server: Any, tmp_path: Path, gnosari_client: GnosariClient
) -> None:
    # given a delegated agent in the middle of its second tool call
    (tmp_path / "effect_tool.py").write_text(TOOL)
    (tmp_path / "team.yaml").write_text(TEAM.format(folder=tmp_path))
    server = model_server(answer)
    models = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test"}
    first = start_worker(**models)
    job = await gnosari_client.send(AgentMessage(team=load_team(tmp_path / "team.yaml").team, message="go"))
    deadline = time.monotonic() + 60
    while not (tmp_path / "started-2").exists():
        assert time.monotonic() < deadline, await job.status()
        time.sleep(0.05)
    asked = len(server.calls)

    # when its worker is killed, and another comes
    (tmp_path / "killed").touch()
    first.kill()
    first.wait()
    start_worker(**models)
    result = await job.result(90)

    # then
    assert result["answer"] == "finished: worked: effect 2"
    assert asked == 3
    assert len(server.calls) == 5
    assert (tmp_path / "effects.txt").read_text() == "1\n2\n"
