"""A worker for the jobs written by hand.

    python -m benchmarks.apps.hand_written_worker ADDRESS TASK_QUEUE SLOTS [--unsandboxed] [--queued]

``--unsandboxed`` runs the workflow without the SDK's sandbox. ``--queued`` sends activities through the task queue
always; without it the SDK hands the first one over with the workflow's answer (eager dispatch). The engine does both.
"""

from __future__ import annotations

import asyncio
import sys

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from .hand_written import ACTIVITIES, HandWritten


async def main(address: str, task_queue: str, slots: str, *more: str) -> None:
    """Work until told to stop."""
    worker = Worker(
        await Client.connect(address),
        task_queue=task_queue,
        workflows=[HandWritten],
        activities=list(ACTIVITIES.values()),
        max_concurrent_activities=int(slots),
        workflow_runner=UnsandboxedWorkflowRunner() if "--unsandboxed" in more else SandboxedWorkflowRunner(),
        disable_eager_activity_execution="--queued" in more,
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
