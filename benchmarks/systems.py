"""Job systems behind one interface: a worker in a process of its own, sending a job, waiting for its result."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from temporalio.client import Client
from temporalio.common import Priority

from gnosari_temporal import BaseMessage, GnosariClient, Settings

from .apps import gnosari
from .apps.hand_written import HandWritten, Job
from .processes import NotInstalled, Process, python

SLOTS = 10
_FIRST_RESULT_WITHIN = 60.0
_PIPELINE = 50
"""Jobs that are on their way to the server at the same time, where many are sent."""

_SETUPS = {"--unsandboxed": "workflows without the sandbox", "--queued": "no eager dispatch of activities"}

R = TypeVar("R")
Result = Callable[[], Awaitable[Any]]
"""Waits for the result of one job."""


class System(ABC):
    """A job system, on a server or store that is there already."""

    name: str
    setup: str
    """How it was set up, for the report."""

    @abstractmethod
    def command(self, slots: int, *, queues: str | None = None) -> tuple[list[str], dict[str, str]]:
        """How its worker is started: the command, and the environment."""

    @abstractmethod
    async def send(self, job: str, *, urgent: bool = False, **arguments: Any) -> Result:
        """Send a job; returns when the system has it."""

    @abstractmethod
    async def done(self) -> int:
        """How many jobs have been finished."""

    async def prepare(self) -> None:
        """Make ready what sending needs, where there was no worker yet."""
        return

    async def close(self) -> None:
        """Let go of connections."""
        return

    @asynccontextmanager
    async def worker(self, slots: int = SLOTS, *, ready: bool = True) -> AsyncIterator[Process]:
        """A worker; ``ready``: once it has run a job."""
        command, environ = self.command(slots)
        async with Process(command, environ) as process:
            if ready:
                await self.until_ready(process)
            yield process

    async def until_ready(self, process: Process) -> None:
        """Wait until a worker has run a job.

        Raises:
            RuntimeError: it ended, or has not run it within a minute.
        """
        probing = asyncio.ensure_future(self.call("double", n=0))
        deadline = time.monotonic() + _FIRST_RESULT_WITHIN
        while not probing.done():
            await asyncio.wait({probing}, timeout=0.2)
            if not probing.done() and (process.ended or time.monotonic() > deadline):
                probing.cancel()
                raise RuntimeError(f"the worker of {self.name} does not work:\n{process.log()}")
        probing.result()

    async def call(self, job: str, **arguments: Any) -> Any:
        """Send a job and wait for its result."""
        result = await self.send(job, **arguments)
        return await result()

    async def latency(self) -> float:
        """Seconds from the call to the result of one short job."""
        began = time.perf_counter()
        assert await self.call("double", n=21) == 42
        return time.perf_counter() - began

    async def rate(self, count: int, in_flight: int) -> float:
        """Short jobs a second, with so many sent and not yet answered at any time."""
        numbers = iter(range(count))

        async def one_after_another() -> None:
            for n in numbers:
                assert await self.call("double", n=n) == n * 2

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(in_flight)))
        return count / (time.perf_counter() - began)

    async def send_doubles(self, count: int) -> list[Result]:
        """Send short jobs; how their results are waited for, in the order sent."""
        results: list[Result] = []
        for first in range(0, count, _PIPELINE):
            numbers = range(first, min(first + _PIPELINE, count))
            results += await asyncio.gather(*(self.send("double", n=n) for n in numbers))
        return results


async def _completed(client: Client, queue: str) -> int:
    return (await client.count_workflows(f'TaskQueue = "{queue}" AND ExecutionStatus = "Completed"')).count


class ByHand(System):
    """A workflow and an activity written by hand with the Temporal SDK."""

    def __init__(self, client: Client, name: str, *options: str) -> None:
        self.name = name
        changed = " and ".join(_SETUPS[option] for option in options)
        self.setup = "temporalio, a workflow with one activity, the worker's options at their defaults"
        self.setup += f" but {changed}" if changed else ""
        self._client = client
        self._queue = uuid.uuid4().hex
        self._options = options

    @classmethod
    async def at(cls, address: str, name: str, *options: str) -> ByHand:
        """On the server at this address; ``options`` are those of ``hand_written_worker``."""
        return cls(await Client.connect(address), name, *options)

    def command(self, slots: int, *, queues: str | None = None) -> tuple[list[str], dict[str, str]]:
        address = self._client.service_client.config.target_host
        words = [address, queues or self._queue, str(slots), *self._options]
        return python("-m", "benchmarks.apps.hand_written_worker", *words), {}

    async def send(self, job: str, *, urgent: bool = False, **arguments: Any) -> Result:
        handle = await self._client.start_workflow(
            HandWritten.run,
            args=[job, Job(**arguments)],
            id=uuid.uuid4().hex,
            task_queue=self._queue,
            priority=Priority(priority_key=1) if urgent else Priority.default,
        )
        return handle.result

    async def done(self) -> int:
        return await _completed(self._client, self._queue)

    async def one_by_one(self, count: int) -> float:
        """Jobs a second of a client that starts one after another, then waits for each."""
        began = time.perf_counter()
        results = [await self.send("double", n=n) for n in range(count)]
        assert [await result() for result in results] == [n * 2 for n in range(count)]
        return count / (time.perf_counter() - began)


class Engine(System):
    """The engine, with ``gnosari worker``."""

    MESSAGES: ClassVar[dict[str, type[BaseMessage]]] = {
        "double": gnosari.Double,
        "hold": gnosari.Hold,
        "begin": gnosari.Begin,
        "survive": gnosari.Survive,
        "survive sooner": gnosari.SurviveSooner,
    }

    def __init__(self, client: GnosariClient, address: str, name: str, *options: str) -> None:
        self.name = name
        self.setup = " ".join(["gnosari worker", *options])
        self.client = client
        self._address = address
        self._options = options
        self._queue = uuid.uuid4().hex

    @classmethod
    async def at(cls, address: str, name: str = "gnosari_temporal", *options: str) -> Engine:
        """On the server at this address; ``options`` are those of ``gnosari worker``."""
        return cls(await GnosariClient.connect(Settings(), target_host=address), address, name, *options)

    def command(self, slots: int, *, queues: str | None = None) -> tuple[list[str], dict[str, str]]:
        words = ["worker", "--module", "benchmarks.apps.gnosari", "--queue", queues or self._queue]
        words += ["--concurrency", str(slots), "--loglevel", "warning", *self._options]
        return python("-m", "gnosari_temporal.cli", *words), {"TEMPORAL_ADDRESS": self._address}

    async def send(self, job: str, *, urgent: bool = False, **arguments: Any) -> Result:
        message = self.MESSAGES[job](**arguments)
        sent = await self.client.send(message, queue=self._queue, priority=1 if urgent else None)
        return sent.result

    async def done(self) -> int:
        return await _completed(self.client.temporal, self._queue)

    async def batch(self, count: int, *, light: bool = False) -> float:
        """Jobs a second of one batch, until all results are read."""
        messages = (gnosari.Double(n=n) for n in range(count))
        began = time.perf_counter()
        sent = await self.client.send_many(messages, queue=self._queue, light=light)
        assert await sent.results() == [n * 2 for n in range(count)]
        return count / (time.perf_counter() - began)


class CeleryOnRedis(System):
    """Celery on Redis, as the document of Gnosari's queue system sets it up."""

    def __init__(self, redis: str, *, visibility_timeout: float | None = None) -> None:
        try:
            from .apps import celery_seed
        except ImportError:
            raise NotInstalled("celery is not installed (pip install -e '.[dev]')") from None
        self.name = "Celery on Redis"
        self.setup = "acks_late, prefetch multiplier 1, priorities 0 to 9, prefork, JSON, Redis in memory"
        self._redis = redis
        self._visibility_timeout = visibility_timeout
        self._seed = celery_seed
        self._app = celery_seed.make_app(redis, visibility_timeout)
        self._queue = uuid.uuid4().hex
        # Its client blocks, and its results are read by one thread.
        self._thread = ThreadPoolExecutor(max_workers=1)

    def command(self, slots: int, *, queues: str | None = None) -> tuple[list[str], dict[str, str]]:
        words = ["-m", "celery", "-A", "benchmarks.apps.celery_worker", "worker", "--concurrency", str(slots)]
        words += ["-Q", queues or self._queue, "-n", f"{uuid.uuid4().hex}@%h", "--loglevel", "warning"]
        environ = {"BENCHMARK_REDIS": self._redis, "C_FORCE_ROOT": "1"}
        if self._visibility_timeout is not None:
            environ["BENCHMARK_VISIBILITY_TIMEOUT"] = str(self._visibility_timeout)
        return python(*words), environ

    async def send(self, job: str, *, urgent: bool = False, **arguments: Any) -> Result:
        sent = await self._in_thread(lambda: self._send(job, urgent, arguments))

        async def result() -> Any:
            return await self._in_thread(sent.get)

        return result

    async def rate(self, count: int, in_flight: int) -> float:
        """As for every system, in the client's thread: the oldest is waited for, then the next is sent."""

        def run() -> float:
            began = time.perf_counter()
            sent = [self._send("double", False, {"n": n}) for n in range(min(in_flight, count))]
            for n in range(count):
                assert sent[n].get() == n * 2
                if len(sent) < count:
                    sent.append(self._send("double", False, {"n": len(sent)}))
            return count / (time.perf_counter() - began)

        return await self._in_thread(run)

    async def done(self) -> int:
        """Results are keys of this Redis; the few others are there before and after."""
        return int(await self._in_thread(self._app.backend.client.dbsize))

    async def group(self, count: int) -> float:
        """Jobs a second of one ``group``, until all results are read."""
        from celery import group

        def run() -> float:
            began = time.perf_counter()
            double = self._app.tasks["double"]
            parts = [
                double.s(self._seed.Double(n=n).model_dump(mode="json")).set(queue=self._queue, priority=5)
                for n in range(count)
            ]
            assert group(parts).apply_async().get() == [n * 2 for n in range(count)]
            return count / (time.perf_counter() - began)

        return await self._in_thread(run)

    async def close(self) -> None:
        await self._in_thread(self._app.close)
        self._thread.shutdown()

    def _send(self, job: str, urgent: bool, arguments: dict[str, Any]) -> Any:
        data = self._seed.MESSAGES[job](**arguments).model_dump(mode="json")
        return self._app.tasks[job].apply_async(args=[data], queue=self._queue, priority=0 if urgent else 5)

    async def _in_thread(self, function: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)


class Dbos(System):
    """DBOS on its default store, a SQLite file."""

    def __init__(self, folder: str, *, polling: float = 1.0) -> None:
        try:
            import dbos
        except ImportError:
            raise NotInstalled("dbos is not installed (pip install -r benchmarks/requirements.txt)") from None
        self.name = "DBOS on SQLite" if polling == 1.0 else f"DBOS on SQLite, polled every {polling * 1000:g} ms"
        self.setup = f"a workflow with one step, a queue that is polled every {polling:g} s, as is the result"
        self._client_type = dbos.DBOSClient
        self._database = Path(folder) / f"{uuid.uuid4().hex}.sqlite"
        self._polling = polling
        self._client: Any = None

    @classmethod
    @asynccontextmanager
    async def with_store(cls, *, polling: float = 1.0) -> AsyncIterator[Dbos]:
        """With a new store."""
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            yield cls(folder, polling=polling)

    def command(
        self, slots: int, *, queues: str | None = None, executor: str = "local"
    ) -> tuple[list[str], dict[str, str]]:
        words = [str(self._database), "benchmark", str(slots), str(self._polling), executor]
        return python("-m", "benchmarks.apps.dbos_jobs", *words), {}

    async def until_ready(self, process: Process) -> None:
        deadline = time.monotonic() + _FIRST_RESULT_WITHIN
        # Its client does not wait until a worker has made the tables.
        while not self._has_queue() and not process.ended and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await super().until_ready(process)

    async def done(self) -> int:
        with contextlib.closing(sqlite3.connect(self._database)) as connection:
            return int(
                connection.execute("SELECT COUNT(*) FROM workflow_status WHERE status = 'SUCCESS'").fetchone()[0]
            )

    def _has_queue(self) -> bool:
        if not self._database.exists():
            return False
        with contextlib.closing(sqlite3.connect(self._database)) as connection:
            try:
                return bool(connection.execute("SELECT COUNT(*) FROM queues").fetchone()[0])
            except sqlite3.OperationalError:
                return False

    async def prepare(self) -> None:
        if not self._has_queue():
            async with self.worker():
                pass

    async def send(self, job: str, *, urgent: bool = False, **arguments: Any) -> Result:
        if self._client is None:
            url = f"sqlite:///{self._database}"
            self._client = await asyncio.to_thread(self._client_type, system_database_url=url)
        options = {"workflow_name": "run", "queue_name": "benchmark", "priority": 1 if urgent else 5}
        handle = await self._client.enqueue_async(options, job, arguments)

        async def result() -> Any:
            return await handle.get_result(polling_interval_sec=self._polling)

        return result

    async def close(self) -> None:
        if self._client is not None:
            await asyncio.to_thread(self._client.destroy)
