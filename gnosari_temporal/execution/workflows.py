"""The message workflow, and what an application's own workflows call: ``consume`` and ``start_child``."""

from __future__ import annotations

from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from ..errors import DefinitionError
from ..messages import BaseMessage, content_digest
from ..routing import EXPIRED, STATE, derived_message_id, job_id, temporal_priority
from .calls import ConsumerCall
from .engine import engine
from .failures import EXPIRED_TYPE
from .inputs import ConsumerInput
from .options import MEMO_OPTIONS, JobOptions, SendOptions
from .search import job_search, keyword

M = TypeVar("M", bound=BaseMessage)

_COUNTER = "_gnosari_calls"


def workflow_for(message_type: type[BaseMessage]) -> type:
    """The workflow of a message type: it runs the type's consumer, with retries, and returns its result.

    Its Temporal type is the message's class name and its input is the message, so it can be started from the Web
    UI and from any Temporal client too.

    Raises:
        DefinitionError: the argument is no message type.
    """
    if not (isinstance(message_type, type) and issubclass(message_type, BaseMessage)):
        raise DefinitionError(f"workflow_for takes a subclass of BaseMessage, not {message_type!r}")

    async def run(self: Any, message: BaseMessage) -> Any:
        return await consume(message)

    run.__annotations__ = {"message": message_type, "return": Any}
    name = message_type.__name__.removesuffix("Message") + "Workflow"
    run.__qualname__ = f"{name}.run"
    run.__module__ = message_type.__module__
    generated = type(
        name,
        (),
        {
            "run": workflow.run(run),
            "message_type": message_type,
            "__module__": message_type.__module__,
            "__doc__": f"Runs the consumer of {message_type.__name__}.",
        },
    )
    return workflow.defn(name=message_type.__name__, sandboxed=False)(generated)


def message_type_of_workflow(workflow_class: type) -> type[BaseMessage] | None:
    """The message type that a workflow class runs: the annotation of its run method, if it is one."""
    declared = getattr(workflow_class, "message_type", None)
    if declared is not None:
        return declared if issubclass(declared, BaseMessage) else None
    definition = workflow._Definition.from_class(workflow_class)
    for hint in (definition.arg_types if definition else None) or ():
        if isinstance(hint, type) and issubclass(hint, BaseMessage):
            return hint
    return None


def workflow_name(workflow_class: type) -> str:
    """The workflow type's name in Temporal.

    Raises:
        DefinitionError: the class is no workflow, or a dynamic one.
    """
    definition = workflow._Definition.from_class(workflow_class)
    if definition is None or definition.name is None:
        raise DefinitionError(f"{workflow_class.__name__} is no workflow: decorate it with @workflow.defn")
    return definition.name


def is_sandboxed(workflow_class: type) -> bool:
    """Whether the workflow asks to run in Temporal's sandbox, as all do that say nothing else."""
    definition = workflow._Definition.from_class(workflow_class)
    return definition is not None and definition.sandboxed


def job_options() -> JobOptions:
    """The options that the calling workflow was sent with; defaults if it was started by other means."""
    options: JobOptions | None = workflow.memo_value(MEMO_OPTIONS, None, type_hint=JobOptions)
    info = workflow.info()
    if options is not None:
        return options.started(info.start_time)
    priority = info.priority.priority_key if info.priority else None
    return JobOptions(queue=info.task_queue, **({"priority": priority} if priority else {}))


def next_call() -> str:
    """A number for each call of a workflow, the same in every replay; unique over continue-as-new too."""
    instance = workflow.instance()
    number = getattr(instance, _COUNTER, 0) + 1
    setattr(instance, _COUNTER, number)
    info = workflow.info()
    # The end of the run's id: its beginning is the time on some servers, the same for runs that follow each other. And
    # the id that the run began with, which a reset leaves as it was.
    return f"{info.original_execution_run_id[-12:]}.{number}" if info.continued_run_id else str(number)


async def consume(
    message: BaseMessage,
    *,
    options: SendOptions | None = None,
    result_type: type | None = None,
) -> Any:
    """Run the consumer of a message as an activity of the calling workflow, and return its result.

    It has the consumer's retry policy, timeout and queue, and the priority of the workflow, unless ``options``
    say otherwise. The expiry of the job holds for the consumer that serves the workflow's own message.

    Raises:
        UnknownConsumer: this worker has no consumer for the message.
        temporalio.exceptions.ActivityError: the consumer failed for good.
    """
    sent = job_options()
    own = options or SendOptions()
    serving = engine()
    policy = serving.registry.policy(type(message).__name__)
    is_own_message = type(message).__name__ == workflow.info().workflow_type
    retry = own.retry or (sent.retry if is_own_message else None) or policy.retry
    timeout = own.timeout or (sent.timeout if is_own_message else None) or policy.timeout
    call = ConsumerCall.of(
        policy,
        ConsumerInput(message=message, call=next_call(), retry=retry, timeout=timeout),
        serving.routing,
        queue=own.queue or (sent.queue if is_own_message else None) or policy.queue or sent.queue,
        priority=own.priority or sent.priority,
        fairness_key=own.fairness_key or sent.fairness_key,
        fairness_weight=own.fairness_weight or sent.fairness_weight,
        max_retries=message.max_retries,
        expires=sent.expires if is_own_message else None,
        summary=message.job_summary(),
        result_type=result_type,
    )
    try:
        return await call.run()
    except ApplicationError as error:
        if error.type == EXPIRED_TYPE and sent.searchable:
            workflow.upsert_search_attributes([keyword(STATE).value_set(EXPIRED)])
        raise


async def start_child(
    message: BaseMessage,
    *,
    options: SendOptions | None = None,
    parent_close_policy: workflow.ParentClosePolicy = workflow.ParentClosePolicy.TERMINATE,
    cancellation_type: workflow.ChildWorkflowCancellationType = (
        workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED
    ),
    derive_id: bool = True,
) -> workflow.ChildWorkflowHandle[Any, Any]:
    """Start the workflow of another message as a child; await the handle for its result.

    Its message id derives from the parent's job id, so that a replay or a second run starts the same child
    (``derive_id=False`` keeps the message's own). Priority and fairness pass down unless ``options`` say otherwise.
    """
    own = options or SendOptions()
    sent = job_options()
    serving = engine()
    if derive_id:
        message = message.model_copy(
            update={"message_id": derived_message_id(workflow.info().workflow_id, next_call())}
        )
    name = type(message).__name__
    queue = serving.routing.queue(type(message), own.queue, serving.registry.declared_queue(type(message)))
    child_options = sent.inherited_by(message, own, queue)
    summary = message.job_summary()
    return await workflow.start_child_workflow(
        name,
        message,
        id=job_id(message.job_prefix or name, message.message_id),
        task_queue=queue,
        parent_close_policy=parent_close_policy,
        cancellation_type=cancellation_type,
        memo={MEMO_OPTIONS: child_options},
        search_attributes=job_search(
            searchable=sent.searchable, queue=queue, summary=summary, more=message.job_attributes()
        ),
        priority=temporal_priority(
            serving.routing.priority_key(child_options.priority),
            child_options.fairness_key,
            child_options.fairness_weight,
        ),
        static_summary=summary,
    )


async def run_child(message: BaseMessage, *, options: SendOptions | None = None) -> Any:
    """Start the workflow of another message as a child and return its result."""
    return await (await start_child(message, options=options))


__all__ = [
    "consume",
    "content_digest",
    "is_sandboxed",
    "job_options",
    "message_type_of_workflow",
    "next_call",
    "run_child",
    "start_child",
    "workflow_for",
    "workflow_name",
]
