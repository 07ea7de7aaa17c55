"""Recorded histories of task calls replay with today's code: what would break a running one fails here."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay.record_celery import make_app
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from gnosari_temporal import Application, Settings
from gnosari_temporal.celery import Celery
from gnosari_temporal.execution.converter import data_converter
from gnosari_temporal.execution.engine import Engine, EngineInterceptor
from gnosari_temporal.execution.failures import WORKFLOW_FAILURE_TYPES
from gnosari_temporal.routing import Routing

HISTORIES = sorted((Path(__file__).parent / "histories").glob("call_*.json"))


async def replay(history: Path, app: Celery) -> None:
    application = Application.build(consumers=[app])
    replayer = Replayer(
        workflows=list(application.registry.workflows.values()),
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=data_converter,
        interceptors=[EngineInterceptor(Engine(application.registry, Routing.of(Settings())))],
        workflow_failure_exception_types=WORKFLOW_FAILURE_TYPES,
    )
    await replayer.replay_workflow(WorkflowHistory.from_json("recorded", history.read_text(encoding="utf-8")))


def test_every_kind_of_call_was_recorded() -> None:
    assert len(HISTORIES) == 12


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_call_replays(history: Path) -> None:
    await replay(history, make_app())


async def test_a_call_replays_after_its_task_was_acknowledged_otherwise() -> None:
    # given a call that was sent while its task was acknowledged early, and one that was not
    app = make_app()
    app.tasks["replay.early"].acks_late = None
    app.tasks["replay.add"].acks_late = False

    # when
    for name in ("call_early", "call_linked"):
        await replay(next(path for path in HISTORIES if path.stem == name), app)
