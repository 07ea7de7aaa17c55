"""What workflow code may know of the worker it runs on, and what every workflow is run with, by an interceptor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from ..errors import GnosariError
from ..messages import BaseMessage
from ..registry import Registry
from ..routing import Routing, split_job_id
from .limits import MAX_PAYLOAD_BYTES, check_result
from .options import MEMO_OPTIONS, JobOptions

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
    """Gives the engine to workflows, their own message to scheduled ones, and checks results at the door."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """Called by the SDK once for each worker."""
        given = self._engine
        input.unsafe_extern_functions[_EXTERN] = lambda: given
        return _Entrance


class _Entrance(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        if workflow.info().typed_search_attributes.get(_SCHEDULED_BY) is not None:
            input.args = [_of_this_firing(argument) for argument in input.args]
        options: JobOptions | None = workflow.memo_value(MEMO_OPTIONS, None, type_hint=JobOptions)
        limit = (options.largest_result if options else None) or MAX_PAYLOAD_BYTES
        # A result over the server's limit would fail the workflow task again and again.
        return check_result(await super().execute_workflow(input), workflow.info().workflow_type, limit)


_SCHEDULED_BY = SearchAttributeKey.for_keyword("TemporalScheduledById")


def _of_this_firing(argument: Any) -> Any:
    """The message of a schedule, which sends the same one each time, as the message of this job: the server makes
    the job's id of the schedule's and the time, and the message's id follows it."""
    if not isinstance(argument, BaseMessage):
        return argument
    info = workflow.info()
    message_type, message_id = split_job_id(info.workflow_id)
    message_id = message_id if message_type == type(argument).__name__ else info.workflow_id
    return argument.model_copy(update={"message_id": message_id, "created_at": info.start_time})
