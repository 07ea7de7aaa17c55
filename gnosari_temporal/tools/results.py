"""The result of a tool call, as whoever made the call sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from .messages import ToolExecutionMessage

COMPLETED: Literal["completed"] = "completed"
ERROR: Literal["error"] = "error"


class ToolResult(TypedDict):
    """What became of a call: ``result`` if the status is ``completed``, ``error`` if it is ``error``."""

    task_id: str
    tool_name: str
    status: Literal["completed", "error"]
    result: NotRequired[Any]
    error: NotRequired[str]
    """The exception's type and text."""
    agent_id: str | None
    session_id: str | None
    context_data: dict[str, Any]
    processed_at: str
    """ISO 8601, UTC."""


def completed(message: ToolExecutionMessage, result: Any) -> ToolResult:
    """The result of a call that succeeded."""
    return {
        "task_id": message.task_id,
        "tool_name": message.tool_name,
        "status": COMPLETED,
        "result": result,
        "agent_id": message.agent_id,
        "session_id": message.session_id,
        "context_data": message.context_data,
        "processed_at": datetime.now(UTC).isoformat(),
    }


def failed(message: Mapping[str, Any], error: str, at: datetime | None = None) -> ToolResult:
    """The result of a call that failed for good; ``message`` is the call's message as plain data."""
    return {
        "task_id": str(message.get("task_id") or message.get("message_id") or ""),
        "tool_name": str(message.get("tool_name") or ""),
        "status": ERROR,
        "error": error,
        "agent_id": message.get("agent_id"),
        "session_id": message.get("session_id"),
        "context_data": message.get("context_data") or {},
        "processed_at": (at or datetime.now(UTC)).isoformat(),
    }
