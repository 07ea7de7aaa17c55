"""An application's own workflow that calls tools; a module of its own, since the sandbox imports it for every run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow

from gnosari_temporal import SendOptions, consume, start_child
from gnosari_temporal.tools.messages import ToolExecutionMessage


@workflow.defn
class CallingWorkflow:
    """Calls a tool in both modes."""

    @workflow.run
    async def run(self, key: str) -> list[Any]:
        """The result of the awaited call, the job of the one that was sent off, and its result."""
        message = ToolExecutionMessage(
            tool_name="square",
            tool_module="job_tools",
            tool_class="SquareTool",
            tool_args=f'{{"key": "{key}", "number": 4}}',
        )
        awaited = await consume(message, options=SendOptions(timeout=timedelta(seconds=10)))
        sent_off = await start_child(message)
        return [awaited["result"], sent_off.id, (await sent_off)["result"]]
