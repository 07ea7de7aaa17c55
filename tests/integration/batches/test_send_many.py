"""A batch from the sending to its results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gnosari_temporal import (
    Application,
    BaseMessage,
    BatchHandle,
    GnosariClient,
    GnosariWorker,
    JobExpired,
    JobFailed,
    JobNotFound,
    JobState,
    ResultTimeout,
    SendOptions,
    signature,
)
from gnosari_temporal.errors import InvalidMessage, MessageConflict
from gnosari_temporal.execution.batch import chunk_id

from .work import Add, AddConsumer, Collect, Number, Slow, SlowConsumer, Twice, Where, until, working


def expected(n: int) -> object:
    return LookupError if n and n % 7 == 0 else n * 2


@pytest.mark.parametrize("how", [{}, {"light": True}, {"as_workflows": True}, {"expires": 60}], ids=str)
async def test_every_message_keeps_its_retries_and_its_result(
    client: GnosariClient, queue: str, how: dict[str, object]
) -> None:
    # given more messages than a chunk holds (fewer as workflows, which take longer)
    count = 24 if "as_workflows" in how else 230
    async with working(client, queue):
        # when
        batch = await client.send_many((Number(n=n) for n in range(count)), queue=queue, **how)
        seen = {index: outcome async for index, outcome in batch.as_completed()}
        results = await batch.results(30, return_exceptions=True)

    # then
    failed = [n for n in range(count) if n and n % 7 == 0]
    for n, result in enumerate(results):
        if n in failed:
            assert isinstance(result, JobFailed)
            assert (result.exception_type, result.attempts) == ("LookupError", 2)
        else:
            assert result == n * 2
    assert sorted(seen) == list(range(count))
    assert [seen[n].value for n in range(count) if n not in failed] == [n * 2 for n in range(count) if n not in failed]
    progress = await batch.progress()
    assert (progress.total, progress.done, progress.failed, progress.running) == (count, count, len(failed), 0)
    assert progress.finished
    assert [outcome.index for outcome in await batch.failures()] == failed
    assert (await batch.status()).state is JobState.FAILED


async def test_results_raises_the_first_failure_in_order(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        batch = await client.send_many([Number(n=n) for n in (1, 14, 7)], queue=queue)

        with pytest.raises(JobFailed, match="14 is a multiple of seven"):
            await batch.results(20)


async def test_a_batch_whose_messages_succeed_is_succeeded(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        batch = await client.send_many([Number(n=1), Add(numbers=[1, 2])], queue=queue)

        assert await batch.results(20) == [2, 3]
        assert (await batch.status()).state is JobState.SUCCEEDED


async def test_a_batch_without_messages_is_over_at_once(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        batch = await client.send_many([], queue=queue)

        assert await batch.results(20) == []
        assert [outcome async for _, outcome in batch.as_completed()] == []
        assert (await batch.progress()).finished


async def test_messages_may_come_from_an_async_iterator(client: GnosariClient, queue: str) -> None:
    async def stream() -> AsyncIterator[BaseMessage]:
        for n in (1, 2):
            await asyncio.sleep(0)
            yield Number(n=n)

    async with working(client, queue):
        batch = await client.send_many(stream(), queue=queue)

        assert await batch.results(20) == [2, 4]


async def test_types_with_a_workflow_of_their_own_run_as_jobs_of_their_own(client: GnosariClient, queue: str) -> None:
    # given a sender that does not know which types have one
    mixed = [Twice(n=1), Number(n=2), Twice(n=4)]
    async with working(client, queue):
        # when
        batch = await client.send_many(mixed, queue=queue)
        results = await batch.results(20)

        # then
        assert results == [{"twice": 4}, 4, {"twice": 16}]
        assert await client.job(f"Twice/{mixed[0].message_id}").result(5) == {"twice": 4}
        assert [o.job_id async for o in batch.outcomes()] == [
            f"Twice/{mixed[0].message_id}",
            f"{batch.id}#{mixed[1].message_id}",
            f"Twice/{mixed[2].message_id}",
        ]


async def test_a_message_that_was_sent_before_on_its_own_is_not_run_again(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        # given
        before = await client.send(Twice(n=1), queue=queue)
        await before.result(20)

        # when
        batch = await client.send_many(
            [Twice(n=1, message_id=before.message_id), Number(n=5)], queue=queue, batch_id=None
        )

        # then
        assert await batch.results(20) == [{"twice": 4}, 10]
        assert sorted([index async for index, _ in batch.as_completed()]) == [0, 1]


async def test_the_same_batch_id_is_one_batch(client: GnosariClient, queue: str, name: str) -> None:
    async with working(client, queue):
        # given messages whose ids are random, new ones each time
        first = await client.send_many((Number(n=n) for n in range(120)), batch_id=name, queue=queue)
        before = await first.results(20, return_exceptions=True)

        # when
        second = await client.send_many((Number(n=n) for n in range(120)), batch_id=name, queue=queue)

        # then nothing was sent: there is one run of every chunk
        assert list(map(repr, await second.results(5, return_exceptions=True))) == list(map(repr, before))
        for number in (0, 1):
            runs = [w async for w in client.temporal.list_workflows(f'WorkflowId = "{chunk_id(name, number)}"')]
            assert len(runs) <= 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2, 3], [1, 2, 4]),
        ([1, 2, 3], [1, 2]),
        ([1, 2], [1, 2, 3]),
        ([1, 2], [2, 1]),
        (list(range(200)), list(range(201))),
    ],
    ids=["other content", "fewer", "more", "another order", "more, in a new chunk"],
)
async def test_the_same_batch_id_with_other_messages_is_a_conflict(
    client: GnosariClient, queue: str, name: str, first: list[int], second: list[int]
) -> None:
    await client.send_many([Number(n=n) for n in first], batch_id=name, queue=queue)

    with pytest.raises(MessageConflict, match=name):
        await client.send_many([Number(n=n) for n in second], batch_id=name, queue=queue)


async def test_ids_that_are_no_random_ones_count_as_content(client: GnosariClient, queue: str, name: str) -> None:
    await client.send_many([Number(n=1, message_id="invoice-1")], batch_id=name, queue=queue)

    await client.send_many([Number(n=1, message_id="invoice-1")], batch_id=name, queue=queue)
    with pytest.raises(MessageConflict):
        await client.send_many([Number(n=1, message_id="invoice-2")], batch_id=name, queue=queue)


async def test_a_sender_that_stopped_half_way_sends_again_and_the_batch_completes(
    client: GnosariClient, queue: str, name: str
) -> None:
    # given a sender whose source breaks after 250 messages
    def breaking() -> object:
        yield from (Number(n=1) for _ in range(250))
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        await client.send_many(breaking(), batch_id=name, queue=queue)  # type: ignore[arg-type]
    async with working(client, queue):
        # then what it sent runs, and the handle says that there is more to come
        batch = client.batch(name)
        await until(lambda: _done(batch, 100))
        assert not (await batch.progress()).complete
        with pytest.raises(ResultTimeout):
            await batch.results(0.2)

        # when
        await client.send_many((Number(n=1) for _ in range(300)), batch_id=name, queue=queue)

        # then
        assert await batch.results(20) == [2] * 300
        assert (await batch.progress()).finished


async def _done(batch: BatchHandle, count: int) -> bool:
    return (await batch.progress()).done >= count


async def _counts(batch: BatchHandle, wanted: tuple[int, int, int]) -> bool:
    progress = await batch.progress()
    return (progress.done, progress.running, progress.waiting) == wanted


async def test_a_batch_that_the_server_does_not_have_is_not_found(client: GnosariClient, name: str) -> None:
    batch = client.batch(name)

    assert (await batch.status()).state is JobState.NOT_FOUND
    for ask in (batch.progress, batch.failures, batch.cancel, batch.results, batch.wait):
        with pytest.raises(JobNotFound, match=f"no batch {name}"):
            await ask()
    with pytest.raises(JobNotFound):
        await anext(batch.as_completed())


@pytest.mark.parametrize("bad", ["", "a/b", "a#b", "x" * 201, "line\nbreak"])
async def test_a_batch_id_that_cannot_be_is_refused(client: GnosariClient, bad: str) -> None:
    with pytest.raises(InvalidMessage, match="batch id"):
        await client.send_many([Number(n=1)], batch_id=bad)


async def test_a_bad_message_is_named_by_its_place(client: GnosariClient, queue: str) -> None:
    spoiled = Add(numbers=[1])
    spoiled.numbers.append("many")  # type: ignore[arg-type]

    with pytest.raises(InvalidMessage, match=r"message 1 of the batch: Add: numbers.1: .* \(got 'many'\)"):
        await client.send_many([Number(n=1), spoiled], queue=queue)
    same = Number(n=1)
    with pytest.raises(InvalidMessage, match=r"message 1 of the batch: message id .* twice"):
        await client.send_many([same, same], queue=queue)


async def test_a_message_has_options_of_its_own(client: GnosariClient, queue: str) -> None:
    # given one that is urgent, one whose time is over before a worker comes, one that starts later
    messages = [
        Where(note="ordinary"),
        signature(Where(note="urgent"), priority=1),
        signature(Number(n=1), expires=0.05),
        signature(Number(n=2), delay=0.3),
    ]
    batch = await client.send_many(messages, SendOptions(queue=queue))
    await asyncio.sleep(0.1)

    # when
    async with working(client, queue):
        ordinary, urgent, late, delayed = await batch.results(20, return_exceptions=True)

    # then
    assert ordinary["queue"] == queue
    assert urgent["queue"] == f"{queue}.express"
    assert isinstance(late, JobExpired)
    assert delayed == 4


async def test_a_consumer_in_a_batch_knows_its_job(client: GnosariClient, queue: str) -> None:
    message = Where(note="send")
    async with working(client, queue):
        batch = await client.send_many([message], queue=queue)
        (known,) = await batch.results(20)

        job = f"{batch.id}#{message.message_id}"
        assert known["job"] == job
        assert known["key"] == f"{job}#1"
        assert known["sent"] == f"Number/{job}.1.1"
        assert await client.job(known["sent"]).result(20) == 2


async def test_cancelling_a_batch_stops_what_runs_and_what_waits(client: GnosariClient, queue: str, name: str) -> None:
    # given one ordinary slot, so that one message runs and one waits, and one on the express lane that is over
    async with working(client, queue, slots=1):
        messages = [Number(n=1, priority=1), Slow(name=name), Slow(name=name)]
        batch = await client.send_many(messages, queue=queue)
        await until(lambda: _counts(batch, (1, 1, 1)))

        # when
        await batch.cancel()
        results = await batch.results(20, return_exceptions=True)

        # then
        assert results[0] == 2
        assert [type(result).__name__ for result in results[1:]] == ["JobCancelled", "JobCancelled"]
        assert SlowConsumer.started.count(name) == SlowConsumer.cancelled.count(name) == 1
        assert (await batch.status()).state is JobState.CANCELLED
        with pytest.raises(JobNotFound, match="over already"):
            await batch.cancel()


async def test_results_that_are_not_there_in_time_can_be_waited_for_again(
    client: GnosariClient, queue: str, name: str
) -> None:
    async with working(client, queue):
        batch = await client.send_many([Slow(name=name)], queue=queue)
        with pytest.raises(ResultTimeout, match=r"not finished after 200ms; it goes on"):
            await batch.results(0.2)
        with pytest.raises(ResultTimeout):
            await batch.wait(0.2)

        SlowConsumer.release.setdefault(name, asyncio.Event()).set()

        assert await batch.results(20) == [name]
        assert (await batch.wait(5)).finished


@pytest.mark.soak  # the server tries the task again after 10 s
async def test_a_type_that_the_worker_does_not_know_waits_for_one_that_does(client: GnosariClient, queue: str) -> None:
    # given a worker that has another consumer only
    other = GnosariWorker(client, Application.build(consumers=[AddConsumer]), queues={queue: 1})
    async with other:
        batch = await client.send_many([Add(numbers=[1]), Number(n=1)], queue=queue)
        await until(lambda: _in_state(batch, JobState.STUCK))
        assert "no consumer for 'Number'" in (await batch.status()).reason

    # when one comes that has it
    async with working(client, queue):
        assert await batch.results(30) == [1, 2]


async def test_a_type_that_the_worker_does_not_know_shows_as_stuck(client: GnosariClient, queue: str) -> None:
    async with GnosariWorker(client, Application.build(consumers=[AddConsumer]), queues={queue: 1}):
        batch = await client.send_many([Number(n=1)], queue=queue)

        await until(lambda: _in_state(batch, JobState.STUCK))


async def _in_state(batch: BatchHandle, state: JobState) -> bool:
    return (await batch.status()).state is state


async def test_a_delayed_batch_waits(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        batch = await client.send_many([Number(n=1)], queue=queue, delay=1.0)
        assert (await batch.progress()).done == 0

        assert await batch.results(20) == [2]


async def test_a_large_message_has_a_chunk_of_its_own(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        messages = [Number(n=1), Collect(items=["x" * 1_500_000]), Number(n=2)]
        batch = await client.send_many(messages, queue=queue)

        first, large, last = await batch.results(30)
        assert (first, len(large[0]), last) == (2, 1_500_000, 4)
        assert (await client.job(f"{batch.id}/1").status()).type == "GnosariBatch"


async def test_a_result_that_is_too_large_for_its_share_of_the_history_fails_its_message_alone(
    client: GnosariClient, queue: str
) -> None:
    # given a chunk of a hundred, and one message of its kind alone
    large = Collect(items=["x" * 400_000])
    async with working(client, queue):
        many = await client.send_many([*(Number(n=1) for _ in range(99)), large], queue=queue)
        alone = await client.send_many([Collect(items=large.items)], queue=queue)

        *small, refused = await many.results(30, return_exceptions=True)
        assert small == [2] * 99
        assert isinstance(refused, JobFailed)
        assert refused.exception_type == "ResultTooLarge"
        assert "share a history" in refused.exception_message
        assert await alone.results(30) == [large.items]
