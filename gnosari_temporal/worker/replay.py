"""How workflows are run: by a worker, and in a test that replays recorded histories with today's code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from ..execution import ENGINE_WORKFLOWS
from ..execution.converter import data_converter
from ..execution.engine import Engine, EngineInterceptor
from ..execution.failures import WORKFLOW_FAILURE_TYPES
from ..routing import Routing
from ..settings import Settings
from .application import Application

_PASSED_THROUGH = (
    "gnosari_temporal",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_inspection",
    "dotenv",
)


def replayer(application: Application, settings: Settings | None = None, **options: Any) -> Replayer:
    """A replayer that runs an application's workflows as its worker does.

    Its ``replay_workflow`` takes a history that was recorded, and raises if a change of the code would break a job
    that is running:

        path.write_text((await job.workflow.fetch_history()).to_json())    # or `temporal workflow show --output json`
        await replayer(load_project(settings)).replay_workflow(recorded_history(path))

    ``options`` are passed on to ``temporalio.worker.Replayer``.
    """
    shared = workflow_options(application, settings or Settings())
    return Replayer(**{"data_converter": data_converter, **shared, **options})


def recorded_history(path: Path) -> WorkflowHistory:
    """A history from its file, under the id that its job had: ids of children derive from it."""
    text = path.read_text(encoding="utf-8")
    history = WorkflowHistory.from_json("", text)
    started = history.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id, history.events)


def workflow_options(application: Application, settings: Settings) -> dict[str, Any]:
    """What a worker and a replayer run the application's workflows, and the engine's own, with."""
    registry = application.registry
    return {
        "workflows": list({**ENGINE_WORKFLOWS, **registry.workflows}.values()),
        "workflow_runner": sandbox(application.modules),
        "interceptors": [EngineInterceptor(Engine(registry, Routing.of(settings)))],
        "workflow_failure_exception_types": WORKFLOW_FAILURE_TYPES,
    }


def sandbox(message_modules: set[str]) -> WorkflowRunner:
    """The sandbox for an application's own workflows, with the engine and the message modules passed through."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*_PASSED_THROUGH, *message_modules)
    )
