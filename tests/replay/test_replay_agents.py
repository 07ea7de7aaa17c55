"""Recorded histories of agents' runs replay with today's code: a change that would break a running job fails here."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from gnosari_temporal import Registry, Settings
from gnosari_temporal.agents.parts import AGENT_CONSUMERS, AGENT_WORKFLOWS
from gnosari_temporal.execution.converter import data_converter
from gnosari_temporal.execution.engine import Engine, EngineInterceptor
from gnosari_temporal.execution.failures import WORKFLOW_FAILURE_TYPES
from gnosari_temporal.routing import Routing

FOLDER = Path(__file__).parent / "histories"
HISTORIES = [*sorted(FOLDER.glob("agent_*.json")), FOLDER / "session.json"]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_run_replays(history: Path) -> None:
    # given
    registry = Registry()
    for consumer in AGENT_CONSUMERS:
        registry.add_consumer(consumer)
    replayer = Replayer(
        workflows=list(AGENT_WORKFLOWS),
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=data_converter,
        interceptors=[EngineInterceptor(Engine(registry, Routing.of(Settings())))],
        workflow_failure_exception_types=WORKFLOW_FAILURE_TYPES,
    )

    # when
    recorded = WorkflowHistory.from_json("recorded", history.read_text(encoding="utf-8"))

    # then
    await replayer.replay_workflow(recorded)
