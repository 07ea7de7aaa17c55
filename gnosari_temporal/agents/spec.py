"""The agent spec: one agent of a team with its tools, delegations, handoffs and knowledge."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..durations import PositiveDuration
from ..messages import HIGHEST_PRIORITY, LOWEST_PRIORITY
from ..retry import RetrySpec
from ..tools.spec import ApprovalSpec, Mode, ToolSpec, function_name_of
from .config import ReasoningEffort, Spec

KnowledgeSource = Literal["text", "file", "directory", "other"]


class DelegationRule(Spec):
    """One agent to whom another may delegate, and how such a run goes.

    What is None is decided by the delegation tool or the caller (see ``TeamSpec.delegations``).
    """

    agent: str
    """Name of the target."""
    instructions: str | None = None
    """When and how to delegate to it, for the model."""
    mode: Mode | None = None
    priority: int | None = Field(default=None, ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)
    """None: the delegating agent's own."""
    queue_name: str | None = None
    timeout: PositiveDuration | None = None
    """Limit of the target's whole run."""
    retry: RetrySpec | None = None
    approval: ApprovalSpec | None = None

    def filled_from(self, tool: ToolSpec) -> DelegationRule:
        """The rule with what it leaves open taken from the delegation tool."""
        return self.model_copy(
            update={
                "mode": self.mode or tool.mode,
                "priority": self.priority or (tool.priority if tool.priority_written else None),
                "queue_name": self.queue_name or tool.queue_name,
                "timeout": self.timeout or tool.timeout,
                "retry": self.retry or tool.retry,
                "approval": self.approval or tool.approval,
            }
        )


class HandoffRule(Spec):
    """One agent to whom another may hand the conversation over for good."""

    agent: str
    """Name of the target."""
    instructions: str | None = None
    """When to hand over, for the model."""


class KnowledgeSpec(Spec):
    """Texts or files that the knowledge tool searches."""

    id: str
    name: str
    description: str | None = None
    type: str
    """The type as written."""
    source: KnowledgeSource
    """What ``data`` holds: texts, paths of files, paths of directories; or ``other``, which is not searched."""
    data: tuple[str, ...] = ()
    """Texts as they are; paths with ``${VAR}`` unresolved, relative to the worker's directory."""


class AgentSpec(Spec):
    """One agent; what the team's config gives by default is filled in."""

    name: str
    id: str | None = None
    description: str | None = None
    instructions: str = ""
    model: str
    temperature: float | None = None
    """None: the model's own."""
    reasoning_effort: ReasoningEffort | None = None
    max_turns: int = Field(ge=1)
    orchestrator: bool = False
    tools: tuple[str, ...] = ()
    """Function names of its tools, those that delegation and knowledge add included."""
    mcp_servers: tuple[str, ...] = ()
    """Keys of its MCP servers."""
    knowledge: tuple[str, ...] = ()
    """Ids of the knowledge that it may search; empty: all of the team's."""
    delegation: tuple[DelegationRule, ...] = ()
    """The only agents to whom it may delegate; empty: whoever its delegation tool reaches."""
    can_transfer_to: tuple[HandoffRule, ...] = ()

    @property
    def key(self) -> str:
        """A name of the agent for ids and function names; unique in its team."""
        return function_name_of(self.id or self.name)
