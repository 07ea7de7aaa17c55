"""The consumer of tool messages: runs any tool that the worker allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ..consumers import BaseConsumer, current_job
from ..retry import RetrySpec
from ..settings import Settings, expand_tree
from .allowlist import AllowedTools
from .context import ToolCall, ToolContext, ToolGrants
from .loading import load_tool, run_tool
from .messages import ToolExecutionMessage


class ToolExecutionConsumer(BaseConsumer[ToolExecutionMessage, dict[str, Any]]):
    """Imports the tool, if it is allowed, makes it with its arguments and calls it."""

    retry = RetrySpec(
        maximum_attempts=4,
        initial_interval=timedelta(seconds=2),
        non_retryable=("ValueError", "ImportError", "AttributeError", "ToolError", "SettingsError", "ValidationError"),
    )

    def __init__(self, settings: Settings, allowed_tools: AllowedTools) -> None:
        self._settings = settings
        self._allowed = allowed_tools

    async def process(self, message: ToolExecutionMessage) -> dict[str, Any]:
        """The tool's result with what identifies the call."""
        job = current_job()
        args = expand_tree(message.tool_init_args, self._settings.environ or None)
        tool = load_tool(message.tool_module, message.tool_class, args, allowed=self._allowed)
        call = ToolCall(
            task_id=message.task_id,
            idempotency_key=job.idempotency_key,
            attempt=job.attempt,
            agent_id=message.agent_id,
            session_id=message.session_id,
            tool_name=message.tool_name,
        )
        context = ToolContext.from_data(
            message.context_data,
            agent_id=message.agent_id,
            session_id=message.session_id,
            tool_name=message.tool_name,
        )
        grants = ToolGrants(allowed_hosts=self._settings.tools.allowed_hosts)
        result = await run_tool(tool, message.tool_args, context, call=call, grants=grants)
        return {
            "task_id": message.task_id,
            "tool_name": message.tool_name,
            "status": "completed",
            "result": result,
            "agent_id": message.agent_id,
            "session_id": message.session_id,
            "context_data": message.context_data,
            "processed_at": datetime.now(UTC).isoformat(),
        }
