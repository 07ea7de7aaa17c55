"""Sending messages without an event loop: scripts, threads, web handlers that are not async, forked workers.

from gnosari_temporal.blocking import send

job = send(Greet(who="you"), priority=2)
print(job.result(timeout=60))

A process has one connection. It is opened on first use, never on import; all threads share it; a forked child opens
one of its own; it is closed when the program ends. Inside a consumer the worker's connection is used.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar, overload

from ..client import GnosariClient, JobState, JobStatus
from ..consumers import BaseConsumer
from ..execution.options import SendOptions
from ..messages import BaseMessage
from ..tools.results import ToolResult
from .batch import BlockingBatch, batch, send_many
from .job import BlockingJob
from .process import call, close, configure

R = TypeVar("R")


@overload
def send(message: BaseMessage, *, consumer: type[BaseConsumer[Any, R]], **options: Any) -> BlockingJob[R]: ...


@overload
def send(message: BaseMessage, options: SendOptions | None = None, **overrides: Any) -> BlockingJob[Any]: ...


def send(message: BaseMessage, options: SendOptions | None = None, **overrides: Any) -> BlockingJob[Any]:
    """Send a message; returns once the server has it. Arguments and rules are those of ``GnosariClient.send``.

    Inside a consumer the message keeps its own id; ``current_job().send_blocking`` gives it one that a repeated
    attempt gives again.

    Raises:
        InvalidMessage, MessageTooLarge: refused before anything was sent.
        MessageConflict: the id was used for other content.
        ServerUnreachable: nobody answers.
        EventLoopRunning: this thread runs an event loop.
    """

    async def use(client: GnosariClient) -> BlockingJob[Any]:
        handle = await client.send(message, options, **overrides)
        return BlockingJob(handle.id, run_id=handle.run_id, result_type=handle.result_type)

    return call(use, repeatable=True)  # the same message id is the same job


def send_and_wait(
    message: BaseMessage,
    options: SendOptions | None = None,
    *,
    wait: timedelta | float | None = None,
    **overrides: Any,
) -> Any:
    """Send a message and wait for its result, at most ``wait`` (seconds as a number).

    Raises: what ``send`` and ``BlockingJob.result`` raise.
    """
    return send(message, options, **overrides).result(wait)


def job(id: str, *, run_id: str | None = None) -> BlockingJob[Any]:
    """The job of this id; the server is not asked."""
    return BlockingJob(id, run_id=run_id)


def jobs(*, state: JobState | str | None = None, type: str | None = None, limit: int | None = 100) -> list[JobStatus]:
    """Jobs on the server, newest first, of one state or message type."""

    async def use(client: GnosariClient) -> list[JobStatus]:
        return [status async for status in client.jobs(state=state, type=type, limit=limit)]

    return call(use, repeatable=True)


def tool_result(task_id: str, timeout: timedelta | float | None = None) -> ToolResult:
    """Wait for the result of a tool call that was sent off, at most ``timeout`` (seconds as a number).

    Raises: what ``GnosariClient.tool_result`` raises.
    """

    async def use(client: GnosariClient) -> ToolResult:
        return await client.tool_result(task_id, timeout)

    return call(use, repeatable=True)


__all__ = [
    "BlockingBatch",
    "BlockingJob",
    "batch",
    "call",
    "close",
    "configure",
    "job",
    "jobs",
    "send",
    "send_and_wait",
    "send_many",
    "tool_result",
]
