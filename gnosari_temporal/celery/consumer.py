"""The consumer of a task: runs one attempt of a call on a worker."""

from __future__ import annotations

import builtins
import inspect
import os
import socket
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from ..consumers import BaseConsumer, JobContext, current_job
from ..errors import ConsumerTimeout, JobLost
from ..execution.failures import StandIn
from ..registry import Parts
from ..routing import lane_task_queue
from ..settings import Settings
from . import states
from .context import Context
from .exceptions import TimeLimitExceeded, WorkerLostError
from .failures import ExceptionInfo, rebuild
from .routes import queue_names, their_priority
from .soft_limit import within_soft_limit, within_soft_limit_async
from .task import Task
from .task_base import TaskBase
from .tracing import Attempt, Ended, in_words
from .values import decode
from .wire import Failed, Outcome, TaskMessage, message_type_for
from .workflow import RETRY, GroupWorkflow, workflow_of_task

_WITHOUT_LIMIT = timedelta(days=3650)
_CACHE = "_gnosari_consumer"


class _TaskConsumer(BaseConsumer[TaskMessage, Any]):
    """What the consumers of plain and of async tasks share."""

    task: ClassVar[Task]
    acknowledged_early: ClassVar[bool] = False
    """An attempt that is lost with its worker is not repeated."""
    default_timeout = _WITHOUT_LIMIT

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def on_failure(self, exc: Exception, message: TaskMessage) -> None:
        """Tell the task's hooks of what its own code could not: a time limit, a lost worker."""
        if isinstance(exc, ConsumerTimeout):
            error: Exception = TimeLimitExceeded(str(exc))
        elif isinstance(exc, JobLost):
            error = WorkerLostError(str(exc))
        else:
            return
        info, args, kwargs = ExceptionInfo(error), decode(message.args), decode(message.kwargs)
        for name, given in (
            ("on_failure", (error, message.message_id, args, kwargs, info)),
            ("after_return", (states.FAILURE, error, message.message_id, args, kwargs, info)),
        ):
            if getattr(type(self.task), name) is not getattr(TaskBase, name):
                getattr(self.task, name)(*given)

    def _attempt(self, message: TaskMessage) -> Attempt:
        args, kwargs = decode(message.args), decode(message.kwargs)
        request = self._request(message, current_job(), args, kwargs)
        if message.error is not None:
            args[:0] = _arguments_of_failure(self.task, message.error)
        return Attempt(self.task, request, args, kwargs)

    def _request(self, message: TaskMessage, job: JobContext, args: list[Any], kwargs: dict[str, Any]) -> Context:
        queue = self._queue(job.queue)
        ignore = self.task.ignore_result if message.ignore_result is None else message.ignore_result
        soft = self._soft_limit(message)
        return Context(
            id=message.message_id,
            task=self.task.name,
            args=args,
            kwargs=kwargs,
            given={"args": message.args, "kwargs": message.kwargs},
            retries=message.retry_count,
            called_directly=False,
            delivery_info={
                "exchange": "",
                "routing_key": queue,
                "priority": their_priority(self.task.owner.conf, message.priority),
                "redelivered": False,
            },
            root_id=message.root_id or message.message_id,
            parent_id=message.parent_id,
            group=message.group_id,
            hostname=f"{os.getpid()}@{socket.gethostname()}",
            headers=decode(message.headers),
            eta=message.eta,
            expires=message.expires,
            timelimit=(message.time_limit or self.task.time_limit, soft),
            ignore_result=bool(ignore),
            heartbeat=job.heartbeat,
            idempotency_key=job.idempotency_key,
        )

    def _queue(self, task_queue: str) -> str:
        for lane in self._settings.lanes:
            queue = task_queue.removesuffix(lane_task_queue("", lane))
            if queue != task_queue:
                return queue
        return task_queue

    def _soft_limit(self, message: TaskMessage) -> float | None:
        limit = message.soft_time_limit or self.task.soft_time_limit
        if limit is None and self._settings.soft_time_limit is not None:
            limit = self._settings.soft_time_limit.total_seconds()
        return float(limit) if limit else None


class _PlainTaskConsumer(_TaskConsumer):
    def process(self, message: TaskMessage) -> Outcome:
        """Run one attempt, in a thread."""
        return _conclude(self._attempt(message).run(within_soft_limit(self._soft_limit(message))))


class _AsyncTaskConsumer(_TaskConsumer):
    async def process(self, message: TaskMessage) -> Outcome:
        """Run one attempt, on the worker's event loop."""
        around = within_soft_limit_async(self._soft_limit(message))
        return _conclude(await self._attempt(message).run_async(around))


def _conclude(ended: Ended) -> Outcome:
    if ended.outcome is not None:
        return ended.outcome
    details = ended.details()
    if ended.wanted is not None:
        wanted = ended.wanted.model_copy(update={"reason": details.get("exception")})
        details[RETRY] = wanted.model_dump(mode="json")
        raise StandIn(in_words(wanted, ended.error), type="Retry", details=details)
    assert ended.error is not None
    raise StandIn(str(ended.error), type=type(ended.error).__name__, details=details)


def _arguments_of_failure(task: Task, failed: Failed) -> list[Any]:
    """What an error callback gets: request, exception and traceback; one that takes a single argument, the id."""
    positional = [
        parameter
        for parameter in inspect.signature(task.run).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    spread = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(task.run).parameters.values())
    if len(positional) <= 1 and not spread:
        return [failed.task_id]
    request = Context(
        id=failed.task_id,
        task=failed.task,
        args=decode(failed.args),
        kwargs=decode(failed.kwargs),
        called_directly=False,
    )
    return [request, exception_of_failed(failed), str(failed.details.get("traceback", ""))]


def exception_of_failed(failed: Failed) -> BaseException:
    """The exception of a call that failed."""
    described = failed.details.get("exception")
    if isinstance(described, dict):
        return rebuild(described)
    module = "builtins" if failed.type in vars(builtins) else "gnosari_temporal.celery.exceptions"
    return rebuild({"module": module, "type": failed.type, "args": [failed.message]})


def consumer_of(task: Task) -> type[_TaskConsumer]:
    """The consumer class of a task, the same one each time."""
    found = task.__dict__.get(_CACHE)
    if found is None:
        name = str(task.name)
        limit = task.time_limit
        found = type(
            name,
            (_AsyncTaskConsumer if task.is_async else _PlainTaskConsumer,),
            {
                "__module__": __name__,
                "__doc__": f"Runs the task {name}.",
                "task": task,
                "message_type": message_type_for(name),
                "queue": task.owner.queue_of(task) if task.app is not None else None,
                "timeout": float(limit) if limit else None,
                "heartbeat_timeout": task.heartbeat_timeout,
                "acknowledged_early": task.acks_late is False,
            },
        )
        task.__dict__[_CACHE] = found
        task.__dict__["_gnosari_workflow"] = workflow_of_task(message_type_for(name))
    return found


def parts_of_tasks(tasks: Iterable[Task], extra: Iterable[Parts] = ()) -> Parts:
    """What a worker needs to run these tasks."""
    given = list(tasks)
    consumers = [consumer_of(task) for task in given]
    workflows = [task.__dict__["_gnosari_workflow"] for task in given]
    queues = [queue for task in given for queue in queue_names(task.owner.conf)]
    more = list(extra)
    return Parts(
        consumers=(*consumers, *(c for parts in more for c in parts.consumers)),
        workflows=(GroupWorkflow, *workflows, *(w for parts in more for w in parts.workflows)),
        queues=(*dict.fromkeys(queues), *(q for parts in more for q in parts.queues)),
    )
