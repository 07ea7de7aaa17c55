"""What all tests share: one real server for the run, from the package's own pytest plugin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, settings

from gnosari_temporal.testing import LocalServer

settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_REAL_PROCESSES = ("acceptance", "chaos", "integration", "celery_parity")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of real servers and processes gets a second try, which the report names: a busy machine can starve one."""
    for item in items:
        if any(f"tests/{folder}/" in item.nodeid for folder in _REAL_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=1))


Until = Callable[..., Awaitable[object]]


@pytest.fixture(scope="session")
def server(gnosari_server: LocalServer) -> LocalServer:
    """A real server in memory, without its Web UI."""
    return gnosari_server


@pytest.fixture
def until() -> Until:
    """Waits until an async condition gives something true, at most ``seconds``, and gives it back."""

    async def wait(condition: Callable[[], Awaitable[object]], seconds: float = 10) -> object:
        deadline = time.monotonic() + seconds
        while True:
            found = await condition()
            if found:
                return found
            assert time.monotonic() < deadline, f"not so within {seconds} s"
            await asyncio.sleep(0.05)

    return wait
