"""The Gnosari job queue and agent teams, as durable Temporal workflows.

class Greet(BaseMessage):
    who: str

class GreetConsumer(BaseConsumer):
    async def process(self, message: Greet) -> str:
        return f"Hello, {message.who}"

async with await GnosariClient.connect() as client:
    job = await client.send(Greet(who="you"), priority=2)
    print(await job.result(timeout=60))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import (
        BatchHandle,
        BatchProgress,
        BatchStatus,
        GnosariClient,
        JobHandle,
        JobState,
        JobStatus,
        Outcome,
        TeamTools,
        ToolTicket,
    )
    from .consumers import BaseConsumer, JobContext, current_job
    from .errors import (
        GnosariError,
        JobCancelled,
        JobError,
        JobExpired,
        JobFailed,
        JobLost,
        JobNotFound,
        ResultTimeout,
        RetryLater,
    )
    from .execution import (
        Answer,
        SendOptions,
        Signature,
        chain,
        chord,
        consume,
        group,
        run_child,
        signature,
        start_child,
        wait_for_approval,
        workflow_for,
    )
    from .messages import BaseMessage
    from .registry import Registry
    from .retry import RetrySpec
    from .settings import Settings
    from .worker import Application, GnosariWorker, load_project, replayer

__version__ = "0.1.0"

_HOME = {
    "BatchHandle": "client",
    "BatchProgress": "client",
    "BatchStatus": "client",
    "GnosariClient": "client",
    "JobHandle": "client",
    "JobState": "client",
    "JobStatus": "client",
    "Outcome": "client",
    "TeamTools": "client",
    "ToolTicket": "client",
    "BaseConsumer": "consumers",
    "JobContext": "consumers",
    "current_job": "consumers",
    "GnosariError": "errors",
    "JobCancelled": "errors",
    "JobError": "errors",
    "JobExpired": "errors",
    "JobFailed": "errors",
    "JobLost": "errors",
    "JobNotFound": "errors",
    "ResultTimeout": "errors",
    "RetryLater": "errors",
    "Answer": "execution",
    "SendOptions": "execution",
    "Signature": "execution",
    "chain": "execution",
    "chord": "execution",
    "group": "execution",
    "signature": "execution",
    "consume": "execution",
    "run_child": "execution",
    "start_child": "execution",
    "wait_for_approval": "execution",
    "workflow_for": "execution",
    "BaseMessage": "messages",
    "Registry": "registry",
    "RetrySpec": "retry",
    "Settings": "settings",
    "Application": "worker",
    "GnosariWorker": "worker",
    "load_project": "worker",
    "replayer": "worker",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `gnosari --help` and a module that only defines messages stay quick."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


__all__ = [
    "Answer",
    "Application",
    "BaseConsumer",
    "BaseMessage",
    "BatchHandle",
    "BatchProgress",
    "BatchStatus",
    "GnosariClient",
    "GnosariError",
    "GnosariWorker",
    "JobCancelled",
    "JobContext",
    "JobError",
    "JobExpired",
    "JobFailed",
    "JobHandle",
    "JobLost",
    "JobNotFound",
    "JobState",
    "JobStatus",
    "Outcome",
    "Registry",
    "ResultTimeout",
    "RetryLater",
    "RetrySpec",
    "SendOptions",
    "Settings",
    "Signature",
    "TeamTools",
    "ToolTicket",
    "chain",
    "chord",
    "consume",
    "current_job",
    "group",
    "load_project",
    "replayer",
    "run_child",
    "signature",
    "start_child",
    "wait_for_approval",
    "workflow_for",
]
