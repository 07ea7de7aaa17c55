"""Batches without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from gnosari_temporal import GnosariClient, JobState, blocking
from gnosari_temporal.errors import JobFailed, JobNotFound, MessageConflict
from gnosari_temporal.testing import LocalServer

from .work import Number, working


@pytest.fixture
def connected(server: LocalServer) -> Iterator[None]:
    blocking.configure(server.settings())
    yield
    blocking.configure()


@pytest.mark.usefixtures("connected")
async def test_a_batch_is_sent_and_followed_from_plain_code(client: GnosariClient, queue: str, name: str) -> None:
    threads = set()

    def numbers(count: int) -> Iterator[Number]:
        for n in range(count):
            threads.add(threading.get_ident())
            yield Number(n=n + 1, message_id=f"n{n}")

    def plain() -> int:
        batch = blocking.send_many(numbers(450), batch_id=name, queue=queue, light=True)
        results = batch.results(60, return_exceptions=True)
        assert [r for r in results if isinstance(r, int)] == [2 * n for n in range(1, 451) if n % 7]
        with pytest.raises(JobFailed):
            batch.results(5)
        assert batch.wait(5).finished
        assert batch.progress().failed == len(batch.failures()) == 64
        assert batch.status().state is JobState.FAILED
        assert blocking.job(batch.job_id("n0")).result(5) == 2
        again = blocking.send_many(numbers(450), batch_id=name, queue=queue, light=True)
        assert again.progress().finished
        with pytest.raises(MessageConflict):
            blocking.send_many(numbers(449), batch_id=name, queue=queue)
        with pytest.raises(JobNotFound):
            blocking.batch(f"{name}-not").cancel()
        return threading.get_ident()

    async with working(client, queue):
        # then the messages were made in the caller's thread
        assert threads == {await asyncio.to_thread(plain)}
