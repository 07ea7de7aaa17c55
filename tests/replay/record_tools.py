"""Records the histories of tool jobs that the replay tests read: ``python -m tests.replay.record_tools``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from datetime import timedelta
from typing import Any

from gnosari_temporal import Application, GnosariClient, GnosariWorker, JobError, RetrySpec
from gnosari_temporal.settings import ToolSettings
from gnosari_temporal.testing import LocalServer
from gnosari_temporal.tools import BaseTool, current_call
from gnosari_temporal.tools.messages import ToolExecutionMessage

from .record_agents import HISTORIES, _keep

RETRY = RetrySpec(maximum_attempts=3, initial_interval=timedelta(milliseconds=50))


class RecordedTool(BaseTool[dict[str, Any], str]):
    """Works at attempt 2, or waits to be cancelled."""

    def __init__(self) -> None:
        super().__init__("recorded", "For recordings", {"type": "object"})

    async def run(self, input_data: dict[str, Any]) -> str:
        """Do as told."""
        call = current_call()
        if input_data.get("wait"):
            await asyncio.sleep(60)
        if call is not None and call.attempt == 1:
            raise ConnectionError("nobody answers")
        return "done"


def of_files(task_id: str, arguments: str) -> ToolExecutionMessage:
    """A call of the file tool."""
    return ToolExecutionMessage(
        task_id=task_id,
        tool_name="file_operations",
        tool_module="gnosari.tools.builtin.file_operations",
        tool_class="FileOperationsTool",
        tool_args=arguments,
    )


def of_recorded(task_id: str, arguments: str = "{}") -> ToolExecutionMessage:
    """A call of the tool above."""
    return ToolExecutionMessage(
        task_id=task_id, tool_name="recorded", tool_module=__name__, tool_class="RecordedTool", tool_args=arguments
    )


async def record(server: LocalServer) -> None:
    """Run tool jobs of every fate and keep their histories."""
    client = await GnosariClient.connect(server.settings(tools=ToolSettings(allow=(__name__,))))
    application = Application.build(client.settings)
    application.add_tools()
    sent = {
        "succeeded": (of_files("succeeded", '{"operation": "write", "file_path": "a.txt", "content": "x"}'), {}),
        "refused": (of_files("refused", '{"operation": "write", "file_path": "../a.txt"}'), {}),
        "retried": (of_recorded("retried"), {"retry": RETRY, "priority": 2}),
        "expiring": (of_recorded("expiring"), {"retry": RETRY, "expires": timedelta(minutes=5)}),
        "cancelled": (of_recorded("cancelled", '{"wait": true}'), {"timeout": timedelta(minutes=1)}),
    }
    async with GnosariWorker(client, application):
        jobs = {name: await client.send(message, **options) for name, (message, options) in sent.items()}
        while (await jobs["cancelled"].status()).state != "RUNNING":
            await asyncio.sleep(0.05)
        await jobs["cancelled"].cancel()
        for job in jobs.values():
            with contextlib.suppress(JobError):
                await job.result(30)
    for name, job in jobs.items():
        await _keep(client, job.id, None, f"tool_{name}")


def main() -> None:
    """Record on a server of its own."""
    logging.disable()
    HISTORIES.mkdir(exist_ok=True)
    with LocalServer() as server, tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        asyncio.run(record(server))


if __name__ == "__main__":
    main()
