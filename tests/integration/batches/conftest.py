"""A client of the run's server, and names of the test's own, for batches, canvases and schedules."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from gnosari_temporal import GnosariClient
from gnosari_temporal.testing import LocalServer


@pytest.fixture
async def client(server: LocalServer) -> AsyncIterator[GnosariClient]:
    """A client of the server."""
    async with await GnosariClient.connect(server.settings()) as connected:
        yield connected


@pytest.fixture
def queue() -> str:
    """A queue of the test's own."""
    return f"q-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def name() -> str:
    """An id of the test's own."""
    return f"id-{uuid.uuid4().hex[:12]}"
