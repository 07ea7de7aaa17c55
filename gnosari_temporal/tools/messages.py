"""The tool message: one call of any tool, as a message of its own."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..execution import workflow_for
from ..messages import BaseMessage, _new_id
from ..routing import TOOL


class ToolExecutionMessage(BaseMessage):
    """A call of a tool that a worker makes: which tool, how it is made, and what it is asked."""

    task_id: str = Field(default_factory=_new_id)
    """Identity of the call for whoever made it."""
    tool_name: str
    """What the model sees as the tool's name."""
    tool_module: str
    tool_class: str
    tool_init_args: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the tool's constructor, ``${VAR}`` unresolved: the worker resolves them."""
    tool_args: str = "{}"
    """Arguments of the call, as JSON text."""
    agent_id: str | None = None
    session_id: str | None = None
    context_data: dict[str, Any] = Field(default_factory=dict)

    def job_summary(self) -> str:
        """The tool's name and who calls it."""
        return f"{self.tool_name}, called by {self.agent_id}" if self.agent_id else self.tool_name

    def job_attributes(self) -> dict[str, str]:
        """The tool."""
        return {TOOL: self.tool_name}


ToolExecutionWorkflow = workflow_for(ToolExecutionMessage)
