"""What workflow code may know of the worker it runs on: policies and routing, handed in by an interceptor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from temporalio import workflow
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from ..errors import GnosariError
from ..registry import Registry
from ..routing import Routing
from .limits import check_result

_EXTERN = "gnosari_temporal.engine"


@dataclass(frozen=True)
class Engine:
    """The worker's registry and routing.

    They shape only the options of activities and children, which replay does not compare; what a workflow
    decides by comes from its input and memo.
    """

    registry: Registry
    routing: Routing


def engine() -> Engine:
    """The engine of the worker that runs the calling workflow, inside the sandbox too.

    Raises:
        GnosariError: the workflow runs on a worker that is not ours.
    """
    found = cast("Callable[[], Engine] | None", workflow.extern_functions().get(_EXTERN))
    if found is None:
        raise GnosariError("this workflow needs a worker of gnosari_temporal: start it with `gnosari worker`")
    return found()


class EngineInterceptor(Interceptor):
    """Gives the engine to workflows and checks their results at the door."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """Called by the SDK once for each worker."""
        given = self._engine
        input.unsafe_extern_functions[_EXTERN] = lambda: given
        return _ResultCheck


class _ResultCheck(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        # A result over the server's limit would fail the workflow task again and again.
        return check_result(await super().execute_workflow(input), workflow.info().workflow_type)
