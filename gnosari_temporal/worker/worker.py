"""The worker: takes jobs from task queues and runs their workflows and consumers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from ..client.client import GnosariClient
from ..client.limits import apply_limits
from ..consumers import BaseConsumer
from ..errors import ProjectError, SettingsError
from ..execution.activity import ConsumerRunner
from ..execution.light import Ending
from ..messages import BaseMessage
from ..routing import is_tool_queue, lane_slots, lane_task_queue, parse_queues
from ..settings import Settings
from ..tools import AllowedTools
from .application import Application
from .replay import workflow_options
from .slots import new_jobs_at_once, workflow_slots
from .tool_queues import with_tool_queues

HEARTBEAT_THROTTLE = timedelta(seconds=1)
"""With the SDK's default of 60 s a consumer hears of its cancellation too late."""

STICKY_TIMEOUT = timedelta(seconds=2)
"""How long the next step of a workflow is kept for the worker that has it in its cache. With the SDK's default of 10 s
a job whose worker was killed stands still for that long."""

_SPARE_THREADS = 64
_CONSUMERS_AFTER = timedelta(milliseconds=200)
"""Consumers start so long after the workflows: what has waited for a worker is then queued for them by priority, and a
free slot does not take the first that comes."""
_LAST_WORKFLOW_TASKS = timedelta(milliseconds=300)
"""How long workflows are still served when the last consumers have ended: their jobs' last step."""

_CACHED_WORKFLOWS = 100
"""A chunk of a batch takes 2 MB in the cache. With the SDK's 1,000 a batch of 100,000 messages took 2 GB; with this it
takes 0.2 GB and a quarter more processor time, since most chunks are replayed once."""

_STRICT_CONSUMERS: dict[str, Any] = {"activity_task_poller_behavior": PollerBehaviorSimpleMaximum(maximum=1)}
"""Two pollers hand out jobs in either order."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Pool:
    """One task queue of the worker, for workflows or for consumers, with its slots for activities."""

    task_queue: str
    slots: int
    runs_workflows: bool = False


class GnosariWorker:
    """Runs an application's workflows and consumers on the queues it serves.

    Every queue has a pool of slots for its ordinary lane and one for each lane of the settings; nothing is shared
    between them, so that urgent jobs start while every ordinary slot is busy. Use it as an async context manager,
    or call ``run``.
    """

    def __init__(
        self,
        client: GnosariClient,
        application: Application,
        *,
        settings: Settings | None = None,
        queues: Mapping[str, int] | None = None,
        identity: str | None = None,
        on_attempt: Callable[[], None] = lambda: None,
        **worker_options: Any,
    ) -> None:
        """Prepare a worker; nothing is polled yet.

        Args:
            client: How to reach the server, and what consumers send with.
            application: What to run.
            settings: Concurrency, lanes, grace and so on; the client's if not given.
            queues: Queues with their slots; by default those of the settings, else the default queue and every
                queue that the application declares, each with ``settings.concurrency`` slots.
            identity: Name of the worker in the Web UI; default ``pid@host``.
            on_attempt: Called after every attempt of a consumer.
            worker_options: Passed on to every ``temporalio.worker.Worker``; its slots are those of the settings.

        Raises:
            ProjectError: the application has nothing to run.
        """
        self.client = client
        self.application = application
        self.settings = settings or client.settings
        self.identity = identity or f"{os.getpid()}@{socket.gethostname()}"
        chosen = queues or default_queues(self.settings, application)
        self.settings, self.queues = with_tool_queues(self.settings, chosen, application.limited_tools)
        self._on_attempt = on_attempt
        self._options = worker_options
        self._workers: list[tuple[_Pool, Worker]] = []
        self._runs: dict[Worker, asyncio.Task[None]] = {}
        self._attempts = 0
        self._stopping = asyncio.Event()
        self._stack: AsyncExitStack | None = None
        self._running: asyncio.Task[None] | None = None
        if not application.registry.workflows and not application.registry.consumers:
            raise ProjectError("there is nothing to run: no workflows and no consumers were found")

    @property
    def task_queues(self) -> dict[str, int]:
        """The task queues that are polled, lanes included, with their activity slots."""
        return {pool.task_queue: pool.slots for pool in self._pools() if not pool.runs_workflows}

    async def __aenter__(self) -> Self:
        """Open the application's resources and start to poll."""
        stack = AsyncExitStack()
        try:
            await apply_limits(self._temporal, self.queues, self.settings.limits, self.settings.lanes)
            resources = await self._open_resources(stack)
            executor = ThreadPoolExecutor(
                max_workers=sum(self.task_queues.values()) + _SPARE_THREADS,
                thread_name_prefix="gnosari-consumer",
            )
            stack.callback(executor.shutdown, wait=False, cancel_futures=True)
            runner = self._runner(resources, executor)
            new_jobs = await self._new_jobs()
            self._workers = [(pool, self._worker(pool, runner, new_jobs)) for pool in self._pools()]
            self._running = asyncio.create_task(self._run_all())
            await asyncio.sleep(0)
        except BaseException:
            await stack.aclose()
            raise
        self._stack = stack
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop polling, give running jobs the grace, cancel what is left, close the resources."""
        await self.shutdown()
        if self._stack is not None:
            await self._stack.aclose()

    async def run(self, until: asyncio.Event | None = None) -> None:
        """Work until the event is set (or for ever); a fatal error of a worker is raised."""
        async with self:
            assert self._running is not None
            told = asyncio.create_task((until or asyncio.Event()).wait())
            try:
                await asyncio.wait({self._running, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                told.cancel()
            if self._running.done():
                self._running.result()

    async def shutdown(self) -> None:
        """Stop polling, let running jobs finish within the grace, then cancel them so that they are retried.

        Workflows are served until the consumers have ended, so that a job which finishes in time is done.
        """
        if self._running is None:
            return
        before = self._attempts
        self._stopping.set()
        await self._end([worker for pool, worker in self._workers if not pool.runs_workflows])
        if self._attempts > before and not self._running.done():
            await asyncio.sleep(_LAST_WORKFLOW_TASKS.total_seconds())
        await self._end([worker for pool, worker in self._workers if pool.runs_workflows])
        await asyncio.wait({self._running})

    async def _end(self, workers: list[Worker]) -> None:
        # All are told: one that has not begun yet ends as soon as it does; one that never will is not waited for.
        told = [asyncio.create_task(worker.shutdown()) for worker in workers]
        runs = {run for worker, run in self._runs.items() if worker in workers}
        if runs:
            await asyncio.wait(runs)
        for task in told:
            task.cancel()

    async def _run_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for pool, worker in self._workers:
                self._runs[worker] = group.create_task(self._run(pool, worker))

    async def _run(self, pool: _Pool, worker: Worker) -> None:
        if not pool.runs_workflows:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CONSUMERS_AFTER.total_seconds()):
                    await self._stopping.wait()
        await worker.run()

    def _count_attempt(self) -> None:
        self._attempts += 1
        self._on_attempt()

    async def _open_resources(self, stack: AsyncExitStack) -> dict[str, Any]:
        """What consumers may ask for by name: the engine's own, and what the application's lifespan opens."""
        own: dict[str, Any] = {
            "settings": self.settings,
            "teams": self.application.teams,
            "allowed_tools": AllowedTools(self.settings.tools.allow).plus(self.application.allowed_tools),
        }
        if "ModelCallConsumer" in self.application.registry.consumers:
            from ..agents.models import Models

            own["models"] = await stack.enter_async_context(Models(self.settings))
        if self.application.lifespan is None:
            return own
        try:
            opened = await stack.enter_async_context(self.application.lifespan())
        except Exception as error:
            raise ProjectError(f"the application's lifespan failed: {type(error).__name__}: {error}") from error
        if opened is not None and not isinstance(opened, Mapping):
            raise ProjectError(f"the lifespan yields a dict of names, not {opened!r}")
        return {**own, **(opened or {})}

    def _runner(self, resources: Mapping[str, Any], executor: ThreadPoolExecutor) -> ConsumerRunner:
        def make(consumer: type[BaseConsumer[Any, Any]]) -> BaseConsumer[Any, Any]:
            return self.application.make_consumer(consumer, resources)

        async def send(message: BaseMessage, **options: Any) -> Any:
            return await self.client.send(message, **{"existing_wins": True, **options})

        return ConsumerRunner(
            registry=self.application.registry,
            executor=executor,
            factory=make,
            resources=resources,
            sender=send,
            client=self.client,
            ending=Ending(self._stopping, self.settings.grace),
            on_attempt=self._count_attempt,
        )

    def _pools(self) -> list[_Pool]:
        pools = []
        for queue, slots in self.queues.items():
            pools += [_Pool(queue, slots, runs_workflows=True), _Pool(queue, slots)]
            for lane in () if is_tool_queue(queue) else self.settings.lanes:
                pools.append(_Pool(lane_task_queue(queue, lane), lane_slots(lane, slots, self.settings.express)))
        return pools

    def _worker(self, pool: _Pool, runner: ConsumerRunner, new_jobs: int) -> Worker:
        options: dict[str, Any] = {
            "activities": runner.activities(),
            "identity": self.identity,
            "graceful_shutdown_timeout": self.settings.grace,
            "max_heartbeat_throttle_interval": HEARTBEAT_THROTTLE,
            "default_heartbeat_throttle_interval": HEARTBEAT_THROTTLE,
            "disable_eager_activity_execution": True,
        }
        if pool.runs_workflows:
            options |= {
                # Consumers as local activities only, for light batches.
                "no_remote_activities": True,
                "max_cached_workflows": _CACHED_WORKFLOWS,
                "sticky_queue_schedule_to_start_timeout": STICKY_TIMEOUT,
                **workflow_slots(new_jobs, pool.slots),
                **workflow_options(self.application, self.settings),
            }
        else:
            options["max_concurrent_activities"] = pool.slots
            if self.settings.strict_order:
                options |= _STRICT_CONSUMERS
        try:
            return Worker(self._temporal, task_queue=pool.task_queue, **{**options, **self._options})
        except RuntimeError as error:
            if "multiple workers with overlapping" not in str(error):
                raise
            raise ProjectError(
                f"a worker of this connection serves queue {pool.task_queue!r} already: give the second one a "
                "client of its own (GnosariClient.connect)"
            ) from error

    async def _new_jobs(self) -> int:
        if self.settings.strict_order:
            return 1
        return self.settings.workflow_pollers or await new_jobs_at_once(self._temporal)

    @property
    def _temporal(self) -> Client:
        return self.client.temporal


def default_queues(settings: Settings, application: Application) -> dict[str, int]:
    """The queues that a worker serves by the settings, each with its slots.

    Raises:
        SettingsError: the settings write a queue wrongly.
    """
    if settings.queues:
        try:
            return parse_queues(settings.queues, settings.concurrency)
        except ValueError as error:
            raise SettingsError(
                f"setting queues (from {settings.sources.get('queues', 'Settings')}): {error}"
            ) from None
    declared = application.registry.declared_queues() | application.queues
    named = {settings.default_queue, *declared, *settings.routes.values()}
    return dict.fromkeys(sorted(named), settings.concurrency)
