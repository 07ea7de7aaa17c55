"""The server's limits, met at the door."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio import workflow

from gnosari_temporal import BaseConsumer, BaseMessage, GnosariClient, JobFailed, JobState
from gnosari_temporal.errors import MessageTooLarge
from gnosari_temporal.execution.limits import MAX_PAYLOAD_BYTES

MEGABYTE = 1024 * 1024


class Load(BaseMessage):
    data: str = ""
    answer: int = 0
    """Bytes of the result."""
    failure: int = 0
    """Bytes of the exception's text."""


class LoadConsumer(BaseConsumer):
    async def process(self, message: Load) -> str:
        if message.failure:
            raise ValueError("x" * message.failure)
        return "x" * message.answer


class Large(BaseMessage):
    pass


@workflow.defn(name="Large", sandboxed=False)
class LargeWorkflow:
    @workflow.run
    async def run(self, message: Large) -> str:
        return "x" * 3 * MEGABYTE


@pytest.fixture
async def client(gnosari_client: GnosariClient, gnosari_worker: Any) -> GnosariClient:
    await gnosari_worker(LoadConsumer, LargeWorkflow)
    return gnosari_client


async def test_a_message_that_is_too_large_is_refused_before_it_is_sent(client: GnosariClient) -> None:
    message = Load(data="x" * 3 * MEGABYTE)
    with pytest.raises(MessageTooLarge, match=r"Load .* is 3,\d+,\d+ bytes, the limit is 2,080,768: store the data"):
        await client.send(message)
    assert (await client.job(f"Load/{message.message_id}").status()).state is JobState.NOT_FOUND


async def test_the_largest_message_and_result_that_pass_the_door_pass_the_server(client: GnosariClient) -> None:
    empty = len(Load().model_dump_json().encode())
    message = Load(data="x" * (MAX_PAYLOAD_BYTES - empty - 10), answer=MAX_PAYLOAD_BYTES - 10)
    assert len(await client.send_and_wait(message, wait=20)) == MAX_PAYLOAD_BYTES - 10


async def test_a_result_that_is_too_large_fails_the_job_at_once_in_words(client: GnosariClient) -> None:
    job = await client.send(Load(answer=3 * MEGABYTE))
    with pytest.raises(JobFailed, match="store the data elsewhere and return its address") as caught:
        await job.result(20)
    assert (caught.value.exception_type, caught.value.attempts) == ("ResultTooLarge", 1)


async def test_a_workflow_that_returns_too_much_fails_instead_of_being_stuck(client: GnosariClient) -> None:
    job = await client.send(Large())
    with pytest.raises(JobFailed, match=r"Large returned 3,\d+,\d+ bytes, the limit is"):
        await job.result(20)


async def test_an_exception_with_an_endless_text_fails_the_job_and_is_cut(client: GnosariClient) -> None:
    job = await client.send(Load(failure=5 * MEGABYTE, max_retries=0))
    with pytest.raises(JobFailed) as caught:
        await job.result(20)
    assert caught.value.exception_type == "ValueError"
    assert len(caught.value.exception_message) <= 16_000
