"""Recorded histories of batches and canvases replay with today's code: what would break a running one fails here."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay.record_batches import CONSUMERS, Number, NumberConsumer, TwiceWorkflow
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from gnosari_temporal import Application, Settings
from gnosari_temporal.execution import ENGINE_WORKFLOWS
from gnosari_temporal.execution.converter import data_converter
from gnosari_temporal.execution.engine import Engine, EngineInterceptor
from gnosari_temporal.execution.failures import WORKFLOW_FAILURE_TYPES
from gnosari_temporal.routing import Routing

FOLDER = Path(__file__).parent / "histories"
HISTORIES = [*sorted(FOLDER.glob("batch_*.json")), *sorted(FOLDER.glob("canvas_*.json"))]


@workflow.defn(name="Number", sandboxed=False)
class NumberWorkflow:
    """A workflow of its own for a type that had none when the histories were recorded."""

    @workflow.run
    async def run(self, message: Number) -> int:
        return message.n


async def replay(history: Path, application: Application) -> None:
    replayer = Replayer(
        workflows=list(ENGINE_WORKFLOWS.values()),
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=data_converter,
        interceptors=[EngineInterceptor(Engine(application.registry, Routing.of(Settings())))],
        workflow_failure_exception_types=WORKFLOW_FAILURE_TYPES,
    )
    await replayer.replay_workflow(WorkflowHistory.from_json("recorded", history.read_text(encoding="utf-8")))


def test_every_kind_was_recorded() -> None:
    assert len(HISTORIES) == 7


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_run_replays(history: Path) -> None:
    await replay(history, Application.build(consumers=CONSUMERS, workflows=[TwiceWorkflow]))


async def test_a_run_replays_on_a_worker_whose_types_have_lost_their_own_workflows() -> None:
    # given a history in which Twice ran as a child workflow
    history = FOLDER / "batch_plain.json"

    # when the type has no workflow of its own any more: what was begun is not changed
    await replay(history, Application.build(consumers=CONSUMERS))


async def test_a_run_replays_on_a_worker_whose_type_got_a_workflow_of_its_own() -> None:
    history = FOLDER / "batch_plain.json"

    # when
    await replay(history, Application.build(consumers=CONSUMERS, workflows=[TwiceWorkflow, NumberWorkflow]))


async def test_a_history_does_not_replay_with_other_code() -> None:
    # given a worker on which the consumer has another name: its activity is another
    renamed = type("OtherConsumer", (NumberConsumer,), {})
    application = Application.build(consumers=[renamed, CONSUMERS[1]], workflows=[TwiceWorkflow])

    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replay(FOLDER / "batch_plain.json", application)
