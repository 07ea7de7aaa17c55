"""The ticket of a tool call that was sent off, and the result that its job leaves on the server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client
from temporalio.service import RPCError

from ..errors import JobCancelled, JobExpired, JobFailed, JobNotFound
from ..routing import job_id, split_job_id
from ..tools.messages import ToolExecutionMessage
from ..tools.results import COMPLETED, ToolResult, failed
from ..tools.spec import DELEGATION_TOOL
from .handle import JobHandle

if TYPE_CHECKING:
    from .client import GnosariClient

_TOOL_TYPE = ToolExecutionMessage.__name__
_AGENT_TYPE = "AgentMessage"


class ToolTicket(BaseModel):
    """A call that was sent off: what identifies it, and where it is to be seen."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """What ``client.tool_result`` and ``gnosari tool result`` take."""
    message_id: str
    job_id: str
    tool_name: str
    queue: str
    priority: int
    status: str = "queued"
    web_ui: str | None = None
    """The job's page in the Temporal Web UI, if its address is known."""


def job_of_task(task_id: str) -> str:
    """The id of the job of a task: of a delegation it is the task's id, of a tool's call it is made of it."""
    return task_id if split_job_id(task_id)[0] in (_TOOL_TYPE, _AGENT_TYPE) else job_id(_TOOL_TYPE, task_id)


async def tool_result(client: GnosariClient, task_id: str, timeout: timedelta | float | None) -> ToolResult:
    """``GnosariClient.tool_result``."""
    job = client.job(job_of_task(task_id))
    try:
        result = await job.result(timeout)
    except JobNotFound:
        raise JobNotFound(
            f"no tool call with task id {task_id!r} on the server: it was never sent there, or the retention of its "
            "namespace is over",
            job_id=job.id,
        ) from None
    except (JobFailed, JobExpired, JobCancelled) as error:
        return await _failed(client.temporal, job, error)
    if isinstance(result, Mapping) and "status" in result and "tool_name" in result:
        return cast("ToolResult", dict(result))
    return await _of_agent(client.temporal, job, result)


async def _failed(client: Client, job: JobHandle[Any], error: JobFailed | JobExpired | JobCancelled) -> ToolResult:
    text = str(error)
    if isinstance(error, JobFailed) and error.exception_type:
        text = f"{error.exception_type}: {error.exception_message}"
    status = await job.status()
    return failed(await _sent(client, job.id), text, status.ended_at)


async def _of_agent(client: Client, job: JobHandle[Any], result: Any) -> ToolResult:
    """The answer of an agent to whom somebody delegated, as a tool's result."""
    answer = result.get("answer") if isinstance(result, Mapping) else result
    ended = (await job.status()).ended_at
    made = failed(await _sent(client, job.id), "", ended)
    del made["error"]
    return {**made, "status": COMPLETED, "result": answer}


async def _sent(client: Client, job: str) -> dict[str, Any]:
    """The message of a call as it was sent; of a delegation what corresponds to it."""
    known: dict[str, Any] = {"task_id": split_job_id(job)[1]}
    try:
        async for event in client.get_workflow_handle(job).fetch_history_events(page_size=1):
            given = event.workflow_execution_started_event_attributes.input.payloads
            message = (await client.data_converter.decode(given))[0]
            break
        else:
            return known
    except RPCError:
        return known
    if not isinstance(message, Mapping):
        return known
    if split_job_id(job)[0] == _TOOL_TYPE:
        return {**known, **message}
    return {
        "task_id": job,
        "tool_name": DELEGATION_TOOL,
        "agent_id": message.get("agent"),
        "session_id": message.get("session_id"),
    }
