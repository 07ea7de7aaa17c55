"""One message of a batch or canvas, addressed as a job."""

from __future__ import annotations

import asyncio

import pytest

from gnosari_temporal import GnosariClient, JobState, RetrySpec, chain, group, signature
from gnosari_temporal.client.locating import is_member_id
from gnosari_temporal.errors import JobCancelled, JobError, JobFailed, JobNotFound, ResultTimeout

from .work import Add, Number, Slow, SlowConsumer, Twice, until, working


@pytest.mark.parametrize(
    ("id", "member"),
    [
        ("batch#message", True),
        ("batch#Number/1#2", True),
        ("GnosariCanvas/nightly#message", True),
        ("Number/a#b", False),
        ("Number/a", False),
        ("a#", False),
        ("#a", False),
    ],
)
def test_ids_of_members_are_told_from_ids_of_jobs(id: str, member: bool) -> None:
    assert is_member_id(id) is member


@pytest.mark.parametrize("light", [False, True], ids=["", "light"])
async def test_a_message_of_a_batch_has_status_and_result(client: GnosariClient, queue: str, light: bool) -> None:
    # given messages in two chunks
    good, bad = Number(n=2), Number(n=7)
    filler = [Number(n=1) for _ in range(100)]
    batch = await client.send_many([bad, *filler, good], queue=queue, light=light)
    waiting = client.job(batch.job_id(good.message_id))
    assert (await waiting.status()).state is JobState.QUEUED
    with pytest.raises(ResultTimeout):
        await waiting.result(0.1)

    async with working(client, queue):
        # then
        assert await waiting.result(20) == 4
        status = await waiting.status()
        assert (status.state, status.type, status.queue) == (JobState.SUCCEEDED, "Number", queue)
        assert (status.summary, status.parent) == ("n 2, text", f"{batch.id}/1")
        failed = client.job(f"{batch.id}#{bad.message_id}")
        with pytest.raises(JobFailed, match="multiple of seven"):
            await failed.result(20)
        assert (await failed.status()).state is JobState.FAILED
        assert (await failed.status()).reason == "LookupError: 7 is a multiple of seven"


async def test_an_unknown_message_or_batch_is_not_found(client: GnosariClient, queue: str, name: str) -> None:
    batch = await client.send_many([Number(n=1)], queue=queue)

    for id in (f"{batch.id}#nothing", f"{name}#nothing", f"GnosariCanvas/{name}#nothing"):
        assert (await client.job(id).status()).state is JobState.NOT_FOUND
        with pytest.raises(JobNotFound):
            await client.job(id).result(1)
        with pytest.raises(JobNotFound):
            await client.job(id).cancel()


async def test_a_message_that_runs_or_waits_for_its_next_attempt_says_so(
    client: GnosariClient, queue: str, name: str
) -> None:
    slow, failing = Slow(name=name), Number(n=7)
    async with working(client, queue):
        batch = await client.send_many(
            [slow, signature(failing, retry=RetrySpec(maximum_attempts=3, initial_interval=60))], queue=queue
        )
        running, retrying = client.job(batch.job_id(slow.message_id)), client.job(batch.job_id(failing.message_id))

        async def in_state(handle: object, state: JobState) -> bool:
            return (await handle.status()).state is state  # type: ignore[attr-defined]

        await until(lambda: in_state(running, JobState.RUNNING))
        await until(lambda: in_state(retrying, JobState.RETRYING))
        status = await retrying.status()
        assert (status.attempt, status.reason) == (2, "LookupError: 7 is a multiple of seven")
        assert status.next_attempt_at is not None

        # when one message is cancelled
        await running.cancel()

        # then the other goes on
        with pytest.raises(JobCancelled):
            await running.result(20)
        assert name in SlowConsumer.cancelled
        assert (await running.status()).state is JobState.CANCELLED
        with pytest.raises(JobNotFound, match="over already"):
            await running.cancel()
        assert (await retrying.status()).state is JobState.RETRYING
        with pytest.raises(JobError, match="cancel it instead"):
            await retrying.terminate()
        await batch.cancel()


async def test_a_message_of_a_light_batch_cannot_be_cancelled_alone(
    client: GnosariClient, queue: str, name: str
) -> None:
    message = Slow(name=name)
    async with working(client, queue):
        batch = await client.send_many([message, Number(n=1)], queue=queue, light=True)
        await until(lambda: name in SlowConsumer.started)
        with pytest.raises(JobError, match="is a part of"):
            await client.job(batch.job_id(message.message_id)).cancel()
        SlowConsumer.release.setdefault(name, asyncio.Event()).set()
        assert await batch.results(20) == [name, 2]


@pytest.mark.soak
async def test_a_light_batch_hears_of_its_cancellation_within_ten_seconds(
    client: GnosariClient, queue: str, name: str
) -> None:
    async with working(client, queue):
        batch = await client.send_many([Slow(name=name), Number(n=1)], queue=queue, light=True)
        await until(lambda: name in SlowConsumer.started)

        await batch.cancel()

        assert [type(r).__name__ for r in await batch.results(20, return_exceptions=True)] == ["JobCancelled"] * 2
        assert name in SlowConsumer.cancelled


async def test_a_message_with_a_workflow_of_its_own_is_followed_there(client: GnosariClient, queue: str) -> None:
    message = Twice(n=1)
    async with working(client, queue):
        batch = await client.send_many([message], queue=queue)
        job = client.job(batch.job_id(message.message_id))

        assert await job.result(20) == {"twice": 4}
        assert (await job.status()).id == f"Twice/{message.message_id}"


async def test_a_message_of_a_canvas_has_status_and_result(client: GnosariClient, queue: str, name: str) -> None:
    first, second, last = Number(n=1), Slow(name=name), Add(numbers=[])
    async with working(client, queue):
        # given a group that waits, and what runs after it
        tree = chain(group(first, second), signature(last, into="numbers"))
        whole = await client.send_canvas(tree, queue=queue)
        jobs = [client.job(f"{whole.id}#{message.message_id}") for message in (first, second, last)]

        assert await jobs[0].result(20) == 2
        assert (await jobs[0].status()).state is JobState.SUCCEEDED
        await until(lambda: name in SlowConsumer.started)
        assert (await jobs[1].status()).state is JobState.RUNNING
        assert (await jobs[2].status()).state is JobState.QUEUED
        with pytest.raises(JobError, match="is a part of"):
            await jobs[1].cancel()

        # when
        SlowConsumer.release.setdefault(name, asyncio.Event()).set()

        # then the last fails: the name that it is given is no number
        assert await jobs[1].result(20) == name
        with pytest.raises(JobFailed, match=r"numbers\.1"):
            await jobs[2].result(20)
