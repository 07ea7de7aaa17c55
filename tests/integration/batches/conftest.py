"""A real server, a client and workers for the tests of batches, canvases and schedules."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from gnosari_temporal import GnosariClient
from gnosari_temporal.server import EmbeddedServer, ServerOptions


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A real server in memory, without its Web UI."""
    with EmbeddedServer(ServerOptions(port=0, headless=True)) as running:
        yield running


@pytest.fixture
async def client(server: EmbeddedServer) -> AsyncIterator[GnosariClient]:
    """A client of it."""
    async with await GnosariClient.connect(target_host=server.address) as connected:
        yield connected


@pytest.fixture
def queue() -> str:
    """A queue of the test's own."""
    return f"q-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def name() -> str:
    """An id of the test's own."""
    return f"id-{uuid.uuid4().hex[:12]}"
