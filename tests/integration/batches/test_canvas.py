"""Groups, chains and chords."""

from __future__ import annotations

import asyncio

import pytest

from gnosari_temporal import GnosariClient, JobState, chain, chord, group, signature
from gnosari_temporal.errors import InvalidMessage, JobCancelled, JobExpired, JobFailed, MessageConflict

from .work import Add, Number, Slow, SlowConsumer, Twice, until, working


async def test_a_group_gives_the_results_in_order(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        job = await client.group([Number(n=n) for n in (5, 3, 1)], queue=queue)

        assert await job.result(20) == [10, 6, 2]
        assert (await job.status()).summary == "group of 3 messages"


async def test_a_chain_passes_each_result_into_the_next_message(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        steps = [Number(n=1), signature(Number, into="n"), signature(Number(n=99), into="n"), Add(numbers=[1, 1])]

        assert await (await client.chain(steps[:3], queue=queue)).result(20) == 8
        assert await (await client.chain(steps[2:], queue=queue)).result(20) == 2  # nothing is passed without into


async def test_a_chord_gives_the_list_of_results_to_its_callback(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        header = [Number(n=n) for n in (1, 2, 4)]

        by_type = await client.chord(header, signature(Add, into="numbers"), queue=queue)
        by_name = await client.chord([Number(n=4)], Add(numbers=[]), into="numbers", queue=queue)
        nothing = await client.chord([], Add(numbers=[7]), into="numbers", queue=queue)

        assert await by_type.result(20) == 14
        assert await by_name.result(20) == 8
        assert await nothing.result(20) == 0


async def test_parts_can_be_nested(client: GnosariClient, queue: str) -> None:
    tree = chain(
        group(Number(n=1), chain(Number(n=2), signature(Number, into="n"))),
        signature(Add, into="numbers"),
        group(signature(Number, into="n"), signature(Number, into="n"), Twice(n=1)),
    )
    async with working(client, queue):
        job = await client.send_canvas(tree, queue=queue)

        assert await job.result(20) == [20, 20, {"twice": 4}]


@pytest.mark.parametrize("as_workflows", [False, True], ids=["activities", "workflows"])
async def test_a_failure_fails_the_whole_and_names_the_message(
    client: GnosariClient, queue: str, as_workflows: bool
) -> None:
    bad, after = Number(n=7), Slow(name="never")
    async with working(client, queue):
        job = await client.chain([group(Number(n=1), bad), after], queue=queue, as_workflows=as_workflows)

        with pytest.raises(JobFailed) as failed:
            await job.result(20)

        error = failed.value
        assert (error.exception_type, error.exception_message) == ("LookupError", "7 is a multiple of seven")
        assert error.attempts == 2
        assert bad.message_id in str(error)
        assert "work.py" in error.remote_traceback
        assert "never" not in SlowConsumer.started


async def test_a_group_can_keep_failures(client: GnosariClient, queue: str) -> None:
    async with working(client, queue):
        job = await client.group(
            [Number(n=7), signature(Number(n=1), expires=0.01, delay=None), Number(n=2)],
            keep_failures=True,
            queue=queue,
        )
        first, _, last = await job.result(20)

        assert first["error"]["type"] == "LookupError"
        assert last == 4


async def test_an_expired_message_fails_the_whole(client: GnosariClient, queue: str) -> None:
    job = await client.group([signature(Number(n=1), expires=0.05)], queue=queue)
    await asyncio.sleep(0.1)
    async with working(client, queue):
        with pytest.raises(JobExpired):
            await job.result(20)


async def test_large_groups_and_chains_are_spread_over_workflows(client: GnosariClient, queue: str) -> None:
    # given more than one workflow runs itself, side by side and one after another
    wide = group([Number(n=10 * n) for n in range(120) if n % 7])
    long = chain(Number(n=2), *(signature(Number(n=1), into=None) for _ in range(100)), signature(Number, into="n"))
    async with working(client, queue, slots=20):
        job = await client.send_canvas(group(wide, long), queue=queue)
        results, last = await job.result(60)

    assert results == [20 * n for n in range(120) if n % 7]
    assert last == 4
    history = await job.workflow.fetch_history()
    assert len(history.events) < 4096


async def test_cancelling_the_whole_cancels_what_runs(client: GnosariClient, queue: str, name: str) -> None:
    async with working(client, queue):
        job = await client.chord([Slow(name=name), Slow(name=name)], Add(numbers=[]), into="numbers", queue=queue)
        await until(lambda: SlowConsumer.started.count(name) == 2)

        await job.cancel()

        with pytest.raises(JobCancelled):
            await job.result(20)
        assert SlowConsumer.cancelled.count(name) == 2
        assert (await job.status()).state is JobState.CANCELLED


async def test_the_same_id_is_the_same_job(client: GnosariClient, queue: str, name: str) -> None:
    async with working(client, queue):
        first = await client.group([Number(n=1), Number(n=2)], id=name, queue=queue)
        again = await client.group([Number(n=1), Number(n=2)], id=name, queue=queue)

        assert (first.id, again.run_id) == (f"GnosariCanvas/{name}", first.run_id)
        for other in (group(Number(n=1), Number(n=3)), chain(Number(n=1), Number(n=2))):
            with pytest.raises(MessageConflict, match=name):
                await client.send_canvas(other, id=name, queue=queue)


async def test_a_canvas_that_cannot_be_is_refused(client: GnosariClient) -> None:
    same = Number(n=1)
    for tree, words in [
        (group(), "nothing to run"),
        (group(same, same), "is there twice"),
    ]:
        with pytest.raises(InvalidMessage, match=words):
            await client.send_canvas(tree)
    with pytest.raises(InvalidMessage, match="did you mean 'numbers'"):
        signature(Add, into="number")
    with pytest.raises(InvalidMessage, match="numbers: is required"):
        signature(Add)
    with pytest.raises(InvalidMessage, match="unknown field 'sum'"):
        signature(Add, {"sum": 1}, into="numbers")
    with pytest.raises(InvalidMessage, match="send option priority"):
        signature(Number(n=1), priority=11)
    with pytest.raises(InvalidMessage, match="into with a message only"):
        chord([same], chain(same), into="n")
