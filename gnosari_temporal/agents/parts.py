"""The parts of an application that run teams: workflows and consumers of agents and their tools.

Importing them does not import the Agents SDK: the first model call does.
"""

from __future__ import annotations

from typing import Any

from ..consumers import BaseConsumer
from ..execution import workflow_for
from ..tools.consumer import ToolExecutionConsumer
from .mcp import McpCallConsumer, McpCallMessage
from .model_call import ModelCallMessage
from .models import ModelCallConsumer
from .sessions import SessionAskConsumer, SessionAskMessage, SessionWorkflow
from .task_check import TaskCheckConsumer, TaskCheckMessage
from .tool_delegation import TeamOfToolConsumer, TeamOfToolMessage, ToolExecutionWorkflow
from .toolbox import AgentToolsConsumer, AgentToolsMessage
from .workflow import AgentWorkflow

ModelCallWorkflow = workflow_for(ModelCallMessage)
AgentToolsWorkflow = workflow_for(AgentToolsMessage)
McpCallWorkflow = workflow_for(McpCallMessage)
SessionAskWorkflow = workflow_for(SessionAskMessage)
TaskCheckWorkflow = workflow_for(TaskCheckMessage)
TeamOfToolWorkflow = workflow_for(TeamOfToolMessage)

AGENT_WORKFLOWS: tuple[type, ...] = (
    AgentWorkflow,
    SessionWorkflow,
    ToolExecutionWorkflow,
    ModelCallWorkflow,
    AgentToolsWorkflow,
    McpCallWorkflow,
    SessionAskWorkflow,
    TaskCheckWorkflow,
    TeamOfToolWorkflow,
)
"""What a worker needs for teams; the last six run a single step of a run by itself."""

AGENT_CONSUMERS: tuple[type[BaseConsumer[Any, Any]], ...] = (
    ToolExecutionConsumer,
    ModelCallConsumer,
    AgentToolsConsumer,
    McpCallConsumer,
    SessionAskConsumer,
    TaskCheckConsumer,
    TeamOfToolConsumer,
)

__all__ = [
    "AGENT_CONSUMERS",
    "AGENT_WORKFLOWS",
    "AgentToolsConsumer",
    "AgentToolsWorkflow",
    "AgentWorkflow",
    "McpCallConsumer",
    "McpCallWorkflow",
    "ModelCallConsumer",
    "ModelCallWorkflow",
    "SessionAskConsumer",
    "SessionAskWorkflow",
    "SessionWorkflow",
    "TaskCheckConsumer",
    "TaskCheckWorkflow",
    "TeamOfToolConsumer",
    "TeamOfToolWorkflow",
    "ToolExecutionConsumer",
    "ToolExecutionWorkflow",
]
