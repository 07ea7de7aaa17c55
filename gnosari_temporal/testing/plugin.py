"""The pytest plugin: fixtures with a real server and workers. It imports nothing before a fixture is used.

Installed with the package, it is loaded by pytest itself. The async fixtures need pytest-asyncio.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

    from ..client import GnosariClient
    from ..settings import Settings
    from ..worker import GnosariWorker
    from .local import LocalServer, WorkerThread
    from .time_skipping import TimeSkipping

try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:  # the other fixtures work without it

    def async_fixture(function: Any) -> Any:  # type: ignore[no-redef]
        """A fixture that says what it lacks."""

        def without_asyncio() -> None:
            raise pytest.UsageError(f"the fixture {function.__name__} needs pytest-asyncio: pip install pytest-asyncio")

        return pytest.fixture(name=function.__name__)(without_asyncio)


_GRACE = 5.0
"""Seconds that running jobs get when a test ends; then they are cancelled."""


@pytest.fixture(scope="session")
def gnosari_server() -> Iterator[LocalServer]:
    """A real Temporal server in memory on free ports, one for the test run."""
    from .local import LocalServer

    with LocalServer() as server:
        yield server


@pytest.fixture
def gnosari_queue() -> str:
    """The default queue of the test: one that no other test has."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def gnosari_settings(gnosari_server: LocalServer, gnosari_queue: str) -> Settings:
    """Settings of the test: the server of the test run and a default queue of its own."""
    return gnosari_server.settings(default_queue=gnosari_queue, grace=_GRACE)


@async_fixture
async def gnosari_client(gnosari_settings: Settings) -> AsyncIterator[GnosariClient]:
    """A client that is connected to the server and sends to the test's queue, unless a message or consumer names
    another."""
    from ..client import GnosariClient

    async with await GnosariClient.connect(gnosari_settings) as client:
        yield client


@async_fixture
async def gnosari_worker(gnosari_client: GnosariClient) -> AsyncIterator[Callable[..., Awaitable[GnosariWorker]]]:
    """Starts workers that end with the test: ``await gnosari_worker(GreetConsumer, …)``.

    Takes consumers, workflows and messages, or one ``Application``, and options of ``GnosariWorker``. It runs in the
    test's event loop, so that consumers can set the test's events. ``gnosari_client`` learns the queues that its
    consumers declare.
    """
    from ..client import GnosariClient
    from ..worker import GnosariWorker
    from .local import application_of

    running: list[GnosariWorker] = []

    async def start(*parts: Any, **options: Any) -> GnosariWorker:
        application = application_of(parts, options.get("settings") or gnosari_client.settings)
        gnosari_client.registry = application.registry
        # A connection of its own: two workers of one connection may not serve one queue.
        client = await GnosariClient.connect(gnosari_client.settings, registry=application.registry)
        worker = GnosariWorker(client, application, **options)
        await worker.__aenter__()
        running.append(worker)
        return worker

    yield start
    for worker in reversed(running):
        await worker.__aexit__(None, None, None)


@async_fixture
async def gnosari_time_skipping() -> AsyncIterator[TimeSkipping]:
    """A time-skipping server of the test's own, on which backoffs, delays and timers pass at once."""
    from .time_skipping import TimeSkipping

    async with TimeSkipping() as skipping:
        yield skipping


@pytest.fixture
def gnosari_worker_thread(gnosari_settings: Settings) -> Iterator[Callable[..., WorkerThread]]:
    """Starts workers in threads of their own, for tests that are not async; as ``gnosari_worker`` without ``await``."""
    from .local import WorkerThread, application_of

    running: list[WorkerThread] = []

    def start(*parts: Any, **options: Any) -> WorkerThread:
        settings = options.pop("settings", None) or gnosari_settings
        worker = WorkerThread(settings, application_of(parts, settings), **options)
        worker.start()
        running.append(worker)
        return worker

    yield start
    for worker in reversed(running):
        worker.stop()


@pytest.fixture
def gnosari_blocking(gnosari_settings: Settings) -> Iterator[ModuleType]:
    """``gnosari_temporal.blocking``, connected to the server and the test's queue."""
    from .. import blocking

    blocking.configure(gnosari_settings)
    yield blocking
    blocking.configure()
