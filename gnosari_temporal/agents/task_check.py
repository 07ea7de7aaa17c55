"""The check of tasks: how jobs ended that a run has lost sight of, because it continued as new."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from pydantic import Field

from ..consumers import BaseConsumer, current_job
from ..errors import GnosariError
from ..messages import BaseMessage
from ..retry import RetrySpec
from .state import TaskEnd, TaskState
from .usage import Usage


class TaskCheckMessage(BaseMessage):
    """Jobs to look at."""

    job_ids: list[str] = Field(default_factory=list)

    def job_summary(self) -> str:
        """How many."""
        return f"{len(self.job_ids)} open tasks"


class TaskCheckConsumer(BaseConsumer[TaskCheckMessage, list[TaskEnd]]):
    """Asks the server how jobs ended. It never waits for one: a task must not wait for the slot that it needs."""

    retry = RetrySpec(maximum_attempts=0, initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
    timeout = timedelta(minutes=1)

    async def process(self, message: TaskCheckMessage) -> list[TaskEnd]:
        """The jobs that are over."""
        job = current_job()
        if job.submit is None:
            raise GnosariError("tasks are checked on a worker with a client")
        ends: list[TaskEnd] = await asyncio.wrap_future(job.submit(lambda client: _ends(client, message.job_ids)))
        return ends


async def _ends(client: Any, job_ids: list[str]) -> list[TaskEnd]:
    found = await asyncio.gather(*(_end(client.job(id)) for id in job_ids))
    return [end for end in found if end is not None]


async def _end(job: Any) -> TaskEnd | None:
    status = await job.status()
    if not status.state.ended:
        return None
    if status.state != "SUCCEEDED":
        state = TaskState.CANCELLED if status.state == "CANCELLED" else TaskState.FAILED
        return TaskEnd(job_id=job.id, state=state, error=status.reason or str(status.state).lower())
    return ended_well(job.id, await job.result(30))


def ended_well(job_id: str, result: Any) -> TaskEnd:
    """The end of a job by its result: of an agent's run the answer and what it used, of a tool what it returned."""
    if isinstance(result, dict) and "answer" in result and "total" in result:
        usage = Usage.model_validate(result["total"])
        return TaskEnd(job_id=job_id, state=TaskState.SUCCEEDED, result=result["answer"], usage=usage)
    if isinstance(result, dict) and "tool_name" in result and "result" in result:
        failed = str(result.get("status", "")).lower() in ("failed", "error")
        if failed:
            return TaskEnd(job_id=job_id, state=TaskState.FAILED, error=str(result.get("error") or result["result"]))
        return TaskEnd(job_id=job_id, state=TaskState.SUCCEEDED, result=result["result"])
    return TaskEnd(job_id=job_id, state=TaskState.SUCCEEDED, result=result)
