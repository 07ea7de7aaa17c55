"""A real server for tests, and a worker beside code that has no event loop."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from temporalio import workflow

from ..blocking.loop_thread import LoopThread
from ..client import GnosariClient
from ..consumers import BaseConsumer
from ..errors import DefinitionError
from ..messages import BaseMessage
from ..server import EmbeddedServer, ServerOptions
from ..settings import Settings
from ..worker import Application, GnosariWorker


class LocalServer(EmbeddedServer):
    """An embedded server on free ports, in memory and without Web UI unless asked otherwise."""

    def __init__(self, *, db: Path | None = None, web_ui: bool = False, **options: Any) -> None:
        """``options`` are those of ``ServerOptions``."""
        super().__init__(ServerOptions(**{"port": 0, "db": db, "headless": not web_ui, **options}))

    def settings(self, **values: Any) -> Settings:
        """Settings whose connection is this server."""
        return local_settings(self.address, **values)


def local_settings(address: str, **values: Any) -> Settings:
    """Settings whose connection is a server without TLS, whatever the environment says."""
    environ = {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": "default", "TEMPORAL_TLS": "false"}
    return Settings(environ={**environ, **values.pop("environ", {})}, **values)


def application_of(parts: Iterable[Any], settings: Settings | None = None) -> Application:
    """An application of consumers, workflows and messages in any order, or the one application given.

    Raises:
        DefinitionError: a part is none of these.
    """
    given = list(parts)
    if len(given) == 1 and isinstance(given[0], Application):
        return given[0]
    consumers = [part for part in given if isinstance(part, type) and issubclass(part, BaseConsumer)]
    messages = [part for part in given if isinstance(part, type) and issubclass(part, BaseMessage)]
    rest = [part for part in given if part not in consumers and part not in messages]
    for part in rest:
        if not isinstance(part, type) or workflow._Definition.from_class(part) is None:
            raise DefinitionError(f"{part!r} is no consumer, workflow or message: give classes, or one Application")
    return Application.build(settings, consumers=consumers, workflows=rest, messages=messages)


class WorkerThread:
    """A worker in a thread of its own, for tests and scripts that are not async; a context manager.

    Raises:
        ServerUnreachable: nobody answers.
        ProjectError: there is nothing to run.
    """

    def __init__(self, settings: Settings, application: Application, **worker_options: Any) -> None:
        """``worker_options`` are those of ``GnosariWorker``."""
        self._settings = settings
        self._application = application
        self._options = worker_options
        self._thread: LoopThread | None = None
        self._worker: GnosariWorker | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start to poll; returns when the worker is connected."""
        with self._lock:
            if self._thread is not None:
                return
            self._thread = LoopThread("gnosari-test-worker")
            try:
                self._worker = self._thread.run(self._open())
            except BaseException:
                self._thread.stop()
                self._thread = None
                raise

    def stop(self) -> None:
        """Let running jobs finish within the grace of the settings and end the thread; it may be stopped twice."""
        with self._lock:
            thread, self._thread = self._thread, None
            worker, self._worker = self._worker, None
        if thread is None or worker is None:
            return
        try:
            thread.run(worker.__aexit__(None, None, None))
        finally:
            thread.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _open(self) -> GnosariWorker:
        client = await GnosariClient.connect(self._settings, registry=self._application.registry)
        return await GnosariWorker(client, self._application, **self._options).__aenter__()
