"""The canvas workflow: a tree of messages, where groups run side by side and chains one after another."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Awaitable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)

from ..errors import GnosariError, MessageTooLarge
from ..routing import temporal_priority
from .engine import engine
from .failures import member_failure
from .limits import MAX_PAYLOAD_BYTES, shared_limit
from .members import Member, MemberRunner, member_job_id, wait_for_all
from .options import MEMO_OPTIONS, JobOptions
from .search import job_search

CANVAS_WORKFLOW = "GnosariCanvas"
MOST_INLINE = 100
"""Most messages that one workflow of a canvas runs itself; larger parts are child workflows."""


class MessageNode(BaseModel):
    """A message."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["message"] = "message"
    member: Member
    into: str | None = Field(default=None, exclude_if=operator.not_)
    """Field that gets the result of what ran before."""


class GroupNode(BaseModel):
    """Parts that run side by side; its result is the list of theirs, in order."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["group"] = "group"
    nodes: tuple[Node, ...]
    keep_failures: bool = Field(default=False, exclude_if=operator.not_)
    """A part that fails leaves ``{"error": {…}}`` in the list, in place of failing the group."""
    sliced: bool = Field(default=False, exclude_if=operator.not_)
    """The parts are slices of one group: their lists are joined."""
    apart: bool = Field(default=False, exclude_if=operator.not_)
    """Runs as a workflow of its own."""


class ChainNode(BaseModel):
    """Parts that run one after another; its result is that of the last."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["chain"] = "chain"
    nodes: tuple[Node, ...]
    apart: bool = Field(default=False, exclude_if=operator.not_)
    """Runs as a workflow of its own."""


Node = Annotated[MessageNode | GroupNode | ChainNode, Field(discriminator="kind")]


GroupNode.model_rebuild()
ChainNode.model_rebuild()


class Previous(BaseModel):
    """The result of what ran before."""

    model_config = ConfigDict(frozen=True)

    value: Any = None


class Canvas(BaseModel):
    """Input of the canvas workflow."""

    model_config = ConfigDict(frozen=True)

    job: str
    """The job id of the whole canvas: what its messages' job ids begin with."""
    root: Node
    options: JobOptions
    """Of messages that bring none."""
    path: str = "0"
    """Place of the root in the whole tree."""
    previous: Previous | None = None
    as_workflows: bool = Field(default=False, exclude_if=operator.not_)
    """Run every message as a child workflow."""


def part_id(canvas: str, path: str) -> str:
    """The workflow id of a part of a canvas that runs apart."""
    return f"{canvas}.{path}"


def messages_of(node: Node, path: str = "0", apart: str = "") -> Iterator[tuple[MessageNode, str, str]]:
    """The messages of a tree: each with its path, and the path of the part that runs it, empty for the root."""
    if isinstance(node, MessageNode):
        yield node, path, apart
        return
    for number, part in enumerate(node.nodes):
        below = f"{path}.{number}"
        runs_apart = not isinstance(part, MessageNode) and part.apart
        yield from messages_of(part, below, below if runs_apart else apart)


@workflow.defn(name=CANVAS_WORKFLOW, sandboxed=False)
class CanvasWorkflow:
    """Runs a tree of messages; returns the result of its root."""

    @workflow.run
    async def run(self, canvas: Canvas) -> Any:
        """Run the tree."""
        own = [node for node, _, apart in messages_of(canvas.root) if not apart]
        runner = MemberRunner(canvas.options, largest_result=shared_limit(2 * len(own)))
        runner.recognise((node.member.type for node in own), as_workflows=canvas.as_workflows)
        return await _Run(canvas, runner).node(canvas.root, canvas.path, canvas.previous)


class _Run:
    """One run of a canvas workflow."""

    def __init__(self, canvas: Canvas, runner: MemberRunner) -> None:
        self._canvas = canvas
        self._runner = runner

    async def node(self, node: Node, path: str, previous: Previous | None) -> Any:
        if isinstance(node, MessageNode):
            return await self._message(node, path, previous)
        if node.apart and path != self._canvas.path:
            return await self._apart(node, path, previous)
        if isinstance(node, GroupNode):
            return await self._group(node, path, previous)
        result = previous
        for number, part in enumerate(node.nodes):
            result = Previous(value=await self.node(part, f"{path}.{number}", result))
        return result.value if result is not None else None

    async def _message(self, node: MessageNode, path: str, previous: Previous | None) -> Any:
        member = node.member
        if node.into is not None and previous is not None:
            member = member.model_copy(update={"message": {**member.message, node.into: previous.value}})
            size = len(to_json(member.message))
            if size > MAX_PAYLOAD_BYTES:
                raise MessageTooLarge(
                    f"{member.type} {member.message_id} is {size:,} bytes with the result before it, the limit is "
                    f"{MAX_PAYLOAD_BYTES:,}: return the address of the data instead"
                )
        job = member_job_id(self._canvas.job, member.message_id)
        try:
            return await self._runner.run(member, activity_id=path, job=job)
        except WorkflowAlreadyStartedError:
            raise ApplicationError(
                f"message id {member.message_id!r} was sent before as job {member.job_id}: the messages of a group, "
                "chain or chord need ids of their own",
                type="MessageConflict",
                non_retryable=True,
            ) from None
        except (ActivityError, ChildWorkflowError) as error:
            failure = member_failure(error, member.job_id if isinstance(error, ChildWorkflowError) else job)
            if failure is None:
                raise
            raise failure from None

    async def _group(self, node: GroupNode, path: str, previous: Previous | None) -> list[Any]:
        parts = (self.node(part, f"{path}.{number}", previous) for number, part in enumerate(node.nodes))
        results: list[Any] = []
        for task in await _all_of(parts):
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is None:
                results.extend(task.result() if node.sliced else [task.result()])
            elif node.keep_failures and isinstance(error, FailureError | GnosariError):
                results.append({"error": _in_words(error)})
            else:
                raise error
        return results

    async def _apart(self, node: GroupNode | ChainNode, path: str, previous: Previous | None) -> Any:
        options = self._canvas.options
        part = self._canvas.model_copy(update={"root": node, "path": path, "previous": previous})
        summary = f"part {path} of {self._canvas.job}"
        try:
            return await workflow.execute_child_workflow(
                CANVAS_WORKFLOW,
                part,
                id=part_id(self._canvas.job, path),
                task_queue=options.queue,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                memo={MEMO_OPTIONS: options},
                search_attributes=job_search(searchable=options.searchable, queue=options.queue, summary=summary),
                priority=temporal_priority(
                    engine().routing.priority_key(options.priority), options.fairness_key, options.fairness_weight
                ),
                static_summary=summary,
            )
        except ChildWorkflowError as error:
            if isinstance(error.cause, ApplicationError):
                raise error.cause from None
            raise


def _in_words(error: FailureError | GnosariError) -> dict[str, Any]:
    cause: BaseException = error
    while isinstance(cause, ActivityError | ChildWorkflowError) and cause.cause is not None:
        cause = cause.cause
    kind = cause.type if isinstance(cause, ApplicationError) else type(cause).__name__
    details = cause.details[0] if isinstance(cause, ApplicationError) and cause.details else {}
    job = {"job": details["job"]} if isinstance(details, dict) and "job" in details else {}
    return {"type": kind, "message": cause.message if isinstance(cause, FailureError) else str(cause), **job}


async def _all_of(parts: Iterator[Awaitable[Any]]) -> list[asyncio.Task[Any]]:
    """Run all to their end."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    if tasks:
        await wait_for_all(tasks)
    return tasks
