"""The tree of a job: what it did and started, read from histories; of a run that is over or still goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType, ParentClosePolicy
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ..agents.signals import AGENT_TYPE
from ..agents.usage import Usage
from ..errors import JobNotFound
from ..execution.options import MEMO_WAITING
from ..messages import shorten
from .handle import explain_rpc_error
from .status import JobState

AGENT = "agent"
MODEL = "model"
TOOL = "tool"
JOB = "job"
STEP = "step"

_KINDS = {"ModelCallConsumer": MODEL, "ToolExecutionConsumer": TOOL, "McpCallConsumer": TOOL}
_HOUSEKEEPING = frozenset({"AgentToolsConsumer", "SessionAskConsumer", "TaskCheckConsumer"})
"""Steps of the engine that say nothing about the run, unless they fail."""
_SHOWN = 200
_LAST_READS = 0.5
"""Seconds for the ends of children, once the job itself is over."""


@dataclass
class TreeNode:
    """A job, or a step of one: an activity."""

    id: str
    """Job id; of a step its activity's id."""
    kind: str
    """``agent``, ``model``, ``tool``, ``job`` or ``step``."""
    label: str = ""
    type: str = ""
    """Workflow or activity type."""
    state: JobState = JobState.QUEUED
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: int = 0
    mode: str = ""
    """``async`` for what its parent does not wait for."""
    usage: Usage = field(default_factory=Usage)
    """What a model call used, or an agent's own model calls together."""
    detail: str = ""
    """Why it failed, what it waits for, or what it gave."""
    text: str = ""
    """What a model wrote."""
    children: list[TreeNode] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """How long it took, or has taken until now."""
        if self.started_at is None:
            return None
        return ((self.ended_at or datetime.now(UTC)) - self.started_at).total_seconds()

    def total(self) -> Usage:
        """What it used with everything below it."""
        used = self.usage
        for child in self.children:
            if child.kind != MODEL:
                used = used + child.total()
        return used

    def walk(self) -> Iterator[TreeNode]:
        """The node and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_dict(self) -> dict[str, Any]:
        """The node as plain data."""
        plain: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "label": self.label,
            "type": self.type,
            "state": str(self.state),
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "seconds": round(self.seconds, 3) if self.seconds is not None else None,
            "attempts": self.attempts,
            "mode": self.mode or None,
            "detail": self.detail or None,
        }
        if self.kind in (AGENT, MODEL):
            used = self.total()
            plain["tokens"] = used.tokens
            plain["cost"] = round(used.cost, 6)
        plain["children"] = [child.to_dict() for child in self.children]
        return plain


class JobTree:
    """Reads the tree of a job. ``on_change`` is told of every node that changes."""

    def __init__(self, client: Client, job_id: str, on_change: Callable[[TreeNode], None] = lambda node: None) -> None:
        self._client = client
        self._on_change = on_change
        self._readers: set[asyncio.Task[None]] = set()
        self.root = TreeNode(id=job_id, kind=JOB)
        """The job itself."""

    async def read(self) -> TreeNode:
        """The tree as it is now.

        Raises:
            JobNotFound: the server has no such job.
        """
        await _JobReader(self, self.root).read(follow=False)
        await self._settle()
        return self.root

    async def follow(self) -> TreeNode:
        """Follow the job until it is over; what it left running is not waited for.

        Raises:
            JobNotFound: the server has no such job.
        """
        try:
            await _JobReader(self, self.root).read(follow=True)
            if self._readers:  # what ended before it has its end to be read
                await asyncio.wait(self._readers, timeout=_LAST_READS)
        finally:
            for reader in self._readers:
                reader.cancel()
            await asyncio.gather(*self._readers, return_exceptions=True)
        return self.root

    async def _settle(self) -> None:
        while self._readers:
            await asyncio.gather(*self._readers)

    def _changed(self, node: TreeNode) -> None:
        self._on_change(node)

    def _below(self, node: TreeNode, *, follow: bool) -> None:
        """Read a child beside its parent."""
        task = asyncio.create_task(self._read_child(node, follow))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _read_child(self, node: TreeNode, follow: bool) -> None:
        try:
            await _JobReader(self, node).read(follow=follow)
        except JobNotFound:
            node.detail = node.detail or "no longer on the server"


class _JobReader:
    """Reads the history of one job, over all its runs, into a node."""

    def __init__(self, tree: JobTree, node: TreeNode) -> None:
        self._tree = tree
        self._client = tree._client
        self._node = node
        self._steps: dict[int, TreeNode] = {}
        self._next_run: str | None = ""

    async def read(self, *, follow: bool) -> None:
        run_id = await self._first_run()
        while True:
            self._next_run = None
            self._steps = {}
            await self._read_run(run_id, follow=follow)
            if not self._next_run:
                return
            run_id = self._next_run

    async def _first_run(self) -> str:
        """The first run of a job that continued as new."""
        try:
            handle = self._client.get_workflow_handle(self._node.id)
            first = (await handle.describe()).raw_description.workflow_execution_info.first_run_id
        except RPCError as error:
            raise explain_rpc_error(self._client, self._node.id, error) from error
        return str(first)

    async def _read_run(self, run_id: str, *, follow: bool) -> None:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=self._node.id, run_id=run_id),
            maximum_page_size=1000,
            wait_new_event=follow,
            skip_archival=True,
        )
        while True:
            try:
                page = await self._client.workflow_service.get_workflow_execution_history(request, retry=True)
            except RPCError as error:
                raise explain_rpc_error(self._client, self._node.id, error) from error
            for event in page.history.events:
                await self._take(event, follow=follow)
            request.next_page_token = page.next_page_token
            if not page.next_page_token:
                return

    async def _take(self, event: HistoryEvent, *, follow: bool) -> None:
        name = event.WhichOneof("attributes")
        details: Any = getattr(event, name) if name else None
        moment = event.event_time.ToDatetime(tzinfo=UTC)
        node = self._node
        if name == "workflow_execution_started_event_attributes":
            await self._started(event, details, moment)
        elif name == "activity_task_scheduled_event_attributes":
            await self._step(event, details, moment)
        elif name == "activity_task_started_event_attributes":
            step = self._steps[details.scheduled_event_id]
            step.attempts = details.attempt
        elif name in _STEP_ENDS:
            await self._step_ended(details, _STEP_ENDS[name], moment)
        elif name == "start_child_workflow_execution_initiated_event_attributes":
            abandoned = details.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
            child = TreeNode(
                id=details.workflow_id,
                kind=AGENT if details.workflow_type.name == AGENT_TYPE else JOB,
                label=await self._decoded_text(event.user_metadata.summary) or details.workflow_id,
                type=details.workflow_type.name,
                mode="async" if abandoned else "",
            )
            node.children.append(child)
            self._steps[event.event_id] = child
        elif name == "start_child_workflow_execution_failed_event_attributes":
            self._steps[details.initiated_event_id].state = JobState.FAILED
        elif name == "child_workflow_execution_started_event_attributes":
            self._tree._below(self._steps[details.initiated_event_id], follow=follow)
        elif name == "workflow_properties_modified_event_attributes":
            await self._waiting(details.upserted_memo.fields)
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            self._next_run = details.new_execution_run_id
        elif event.event_type in _CLOSED:
            await self._closed(event, details, moment)

    async def _started(self, event: HistoryEvent, details: Any, moment: datetime) -> None:
        node = self._node
        node.type = details.workflow_type.name
        node.kind = {AGENT_TYPE: AGENT, "ToolExecutionMessage": TOOL}.get(node.type, JOB)
        node.started_at = node.started_at or moment
        node.state = JobState.RUNNING
        summary = await self._decoded_text(event.user_metadata.summary)
        if not details.continued_execution_run_id:
            node.label = summary or node.label or node.id
        self._tree._changed(node)

    async def _step(self, event: HistoryEvent, details: Any, moment: datetime) -> None:
        name = details.activity_type.name
        step = TreeNode(
            id=f"{self._node.id}#{details.activity_id}",
            kind=_KINDS.get(name, STEP),
            label=await self._decoded_text(event.user_metadata.summary) or name,
            type=name,
            state=JobState.RUNNING,  # the server writes its start down at its end
            started_at=moment,
        )
        self._steps[event.event_id] = step
        if name not in _HOUSEKEEPING and not self._is_itself(name):
            self._node.children.append(step)
            self._tree._changed(step)

    def _is_itself(self, consumer: str) -> bool:
        """A tool's job has one step, which says the same."""
        return self._node.kind == TOOL and consumer == "ToolExecutionConsumer"

    async def _step_ended(self, details: Any, state: JobState, moment: datetime) -> None:
        step = self._steps[details.scheduled_event_id]
        step.state, step.ended_at = state, moment
        if state is JobState.SUCCEEDED:
            result = await self._decoded(details.result)
            if step.kind == MODEL and isinstance(result, dict):
                step.usage = Usage.model_validate(result.get("usage") or {})
                step.text = _text_of(result)
                self._node.usage = self._node.usage + step.usage
                step.detail = shorten(step.text, _SHOWN) if step.text else ""
            elif isinstance(result, dict) and "tool_name" in result:
                step.detail = shorten(str(result.get("result")), _SHOWN)
        elif hasattr(details, "failure"):
            step.detail = shorten(_reason(details.failure), _SHOWN)
            if step not in self._node.children:
                self._node.children.append(step)
        if step in self._node.children:
            self._tree._changed(step)

    async def _waiting(self, memo: Any) -> None:
        if MEMO_WAITING not in memo:
            return
        questions = await self._decode(memo[MEMO_WAITING]) or []
        node = self._node
        node.state = JobState.WAITING if questions else JobState.RUNNING
        node.detail = "; ".join(str(question.get("question")) for question in questions)
        self._tree._changed(node)

    async def _closed(self, event: HistoryEvent, details: Any, moment: datetime) -> None:
        node = self._node
        node.state, node.ended_at, node.detail = _CLOSED[event.event_type], moment, ""
        if node.state is JobState.SUCCEEDED:
            result = await self._decoded(details.result)
            if isinstance(result, dict):
                shown = result.get("answer") or result.get("result") or ""
                node.detail = shorten(str(shown), _SHOWN)
                cost = (result.get("usage") or {}).get("cost") if node.kind == AGENT else None
                if cost:
                    node.usage = node.usage.model_copy(update={"cost": cost})
        elif hasattr(details, "failure"):
            node.detail = shorten(_reason(details.failure), _SHOWN)
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
            node.detail = details.reason or "terminated"
        self._tree._changed(node)

    async def _decoded(self, payloads: Payloads) -> Any:
        return await self._decode(payloads.payloads[0]) if payloads.payloads else None

    async def _decoded_text(self, payload: Payload) -> str:
        return str(await self._decode(payload)) if payload.ByteSize() else ""

    async def _decode(self, payload: Payload) -> Any:
        return (await self._client.data_converter.decode([payload]))[0]


def _reason(failure: Any) -> str:
    while failure.HasField("cause") and not failure.HasField("application_failure_info"):
        failure = failure.cause
    kind = failure.application_failure_info.type
    return f"{kind}: {failure.message}" if kind else str(failure.message)


def _text_of(reply: dict[str, Any]) -> str:
    return "".join(
        str(part.get("text") or "")
        for item in reply.get("items") or []
        if item.get("type") == "message"
        for part in item.get("content") or []
        if isinstance(part, dict)
    )


_STEP_ENDS = {
    "activity_task_completed_event_attributes": JobState.SUCCEEDED,
    "activity_task_failed_event_attributes": JobState.FAILED,
    "activity_task_timed_out_event_attributes": JobState.FAILED,
    "activity_task_canceled_event_attributes": JobState.CANCELLED,
}

_CLOSED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: JobState.SUCCEEDED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: JobState.FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: JobState.FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: JobState.CANCELLED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: JobState.CANCELLED,
}
