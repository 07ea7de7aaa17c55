"""The nodes of a tree of calls, inside a workflow: given a result, and started as child workflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import to_json, to_jsonable_python
from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from ..execution.engine import engine
from ..execution.limits import MAX_PAYLOAD_BYTES
from ..execution.options import MEMO_OPTIONS, JobOptions
from ..execution.search import job_search
from ..execution.workflows import job_options
from ..routing import temporal_priority
from .wire import GROUP_WORKFLOW, CallNode, Failed, GroupNode, GroupRun, Node, group_job_id


def job_of(node: Node) -> str:
    """The workflow id of a node."""
    return node.job if isinstance(node, CallNode) else group_job_id(node.id)


def ended_ids(node: Node) -> Iterator[str]:
    """The task ids of the calls that a tree ends with."""
    if isinstance(node, CallNode):
        yield node.job.partition("/")[2]
    else:
        for part in node.nodes:
            yield from ended_ids(part)


def fed(node: Node, previous: Any) -> Node:
    """The node with the result of what ran before it: for its first call, or for each part of a group."""
    if node.before:
        first, *others = node.before
        return node.model_copy(update={"before": [fed(first, previous), *others]})
    if isinstance(node, CallNode) and (node.immutable or node.consumer):
        return node
    if isinstance(node, GroupNode):
        return node.model_copy(update={"nodes": [fed(part, previous) for part in node.nodes]})
    return node.model_copy(update={"message": {**node.message, "args": [previous, *node.message.get("args", [])]}})


def told(node: Node, error: Failed) -> Node:
    """The node as the callback of a failure: its first call, or each part of a group, is given it."""
    if node.before:
        first, *others = node.before
        return node.model_copy(update={"before": [told(first, error), *others]})
    if isinstance(node, CallNode) and (node.immutable or node.consumer):
        return node
    if isinstance(node, GroupNode):
        return node.model_copy(update={"nodes": [told(part, error) for part in node.nodes]})
    return node.model_copy(update={"message": {**node.message, "error": to_jsonable_python(error)}})


def check_size(arguments: Any, what: str) -> None:
    """Refuse what the server would refuse, in a way that retries the workflow's task for ever.

    Raises:
        ApplicationError: of type ``MessageTooLarge``.
    """
    size = len(to_json(arguments))
    if size > MAX_PAYLOAD_BYTES:
        raise ApplicationError(
            f"{what} is {size:,} bytes with the results before it, the limit is {MAX_PAYLOAD_BYTES:,}: return the "
            "address of the data instead",
            type="MessageTooLarge",
            non_retryable=True,
        )


async def start_node(
    node: Node,
    *,
    collect: bool = False,
    upstream: Failed | None = None,
    largest_result: int | None = None,
) -> workflow.ChildWorkflowHandle[Any, Any]:
    """Start a node as a child workflow that goes on whatever becomes of this one.

    Args:
        node: What to start.
        collect: Its result is needed; a group returns those of its parts.
        upstream: What ran before has failed: the node fails likewise.
        largest_result: Bytes that the result may have.
    """
    own = job_options()
    options = node.options.model_copy(update={"searchable": own.searchable, "largest_result": largest_result})
    if isinstance(node, GroupNode):
        run = GroupRun(node=node, collect=collect, upstream=upstream)
        check_size(run, group_job_id(node.id))
        return await _start(GROUP_WORKFLOW, group_job_id(node.id), run, options, f"group of {len(node.nodes)}")
    message: dict[str, Any] = dict(node.message)
    if node.consumer:
        if upstream is not None:
            raise ApplicationError(upstream.message, upstream.details, type=upstream.type, non_retryable=True)
    else:
        if collect:
            message["needed"] = True
        if node.before:
            message["before"] = to_jsonable_python(node.before)
            message["takes_result"] = not node.immutable
        if upstream is not None:
            message["upstream"] = to_jsonable_python(upstream)
    check_size(message, node.job)
    return await _start(node.task, node.job, message, options, node.summary or node.task)


async def _start(
    type: str, id: str, input: Any, options: JobOptions, summary: str
) -> workflow.ChildWorkflowHandle[Any, Any]:
    try:
        return await workflow.start_child_workflow(
            type,
            input,
            id=id,
            task_queue=options.queue,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            memo={MEMO_OPTIONS: options},
            search_attributes=job_search(searchable=options.searchable, queue=options.queue, summary=summary),
            priority=temporal_priority(
                engine().routing.priority_key(options.priority), options.fairness_key, options.fairness_weight
            ),
            static_summary=summary,
        )
    except WorkflowAlreadyStartedError:
        raise ApplicationError(
            f"the task id {id.partition('/')[2]!r} was used before: the calls of a chain, group or chord, and "
            "callbacks, need ids of their own",
            type="MessageConflict",
            non_retryable=True,
        ) from None


__all__ = ["check_size", "ended_ids", "fed", "job_of", "start_node", "told"]
