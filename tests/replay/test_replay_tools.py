"""Recorded histories of tool jobs replay with today's code: what would break a running one fails here."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from gnosari_temporal import Application, Settings
from gnosari_temporal.execution.converter import data_converter
from gnosari_temporal.execution.engine import Engine, EngineInterceptor
from gnosari_temporal.execution.failures import WORKFLOW_FAILURE_TYPES
from gnosari_temporal.routing import Routing

HISTORIES = sorted((Path(__file__).parent / "histories").glob("tool_*.json"))


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_tool_job_replays(history: Path) -> None:
    # given
    application = Application.build()
    application.add_tools()
    replayer = Replayer(
        workflows=list(application.registry.workflows.values()),
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=data_converter,
        interceptors=[EngineInterceptor(Engine(application.registry, Routing.of(Settings())))],
        workflow_failure_exception_types=WORKFLOW_FAILURE_TYPES,
    )

    # when
    recorded = WorkflowHistory.from_json("recorded", history.read_text(encoding="utf-8"))

    # then
    await replayer.replay_workflow(recorded)


def test_every_fate_of_a_tool_job_is_recorded() -> None:
    recorded = {path.stem for path in HISTORIES}

    assert recorded == {"tool_cancelled", "tool_expiring", "tool_refused", "tool_retried", "tool_succeeded"}
