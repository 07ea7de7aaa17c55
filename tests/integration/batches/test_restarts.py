"""Batches and chords go on when their worker and the server are started anew."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from gnosari_temporal import GnosariClient, Settings, signature
from gnosari_temporal.testing import LocalServer

from .work import Collect, Number, Slow, SlowConsumer, Tick, TickConsumer, until, working


async def test_a_chord_and_a_batch_go_on_after_a_restart_of_worker_and_server(
    tmp_path: Path, queue: str, name: str
) -> None:
    # given a chord and a batch that wait in the middle, on a server with a database file
    at_once = Settings(grace=0)
    with LocalServer(db=tmp_path / "test.db") as server:
        port = int(server.address.rpartition(":")[2])
        client = await GnosariClient.connect(server.settings())
        async with working(client, queue, settings=at_once):
            chord = await client.chord(
                [Number(n=1), Slow(name=name)], signature(Collect, into="items"), queue=queue, id=name
            )
            batch = await client.send_many([Number(n=4), Slow(name=name)], queue=queue, batch_id=name)
            await until(lambda: SlowConsumer.started.count(name) == 2)

    # when both are gone and come again, and what was waited for happens
    SlowConsumer.release.setdefault(name, asyncio.Event()).set()
    with LocalServer(db=tmp_path / "test.db", port=port) as server:
        client = await GnosariClient.connect(server.settings())
        async with working(client, queue, settings=at_once):
            # then
            assert await client.job(chord.id).result(30) == [2, name]
            assert await client.batch(batch.id).results(30) == [8, name]


async def test_a_worker_that_ends_hands_the_rest_of_a_light_batch_back(
    client: GnosariClient, queue: str, name: str
) -> None:
    # given a light batch that would take 5 s
    async with working(client, queue, slots=5, settings=Settings(grace=1)):
        batch = await client.send_many([Tick(name=name, n=n) for n in range(500)], queue=queue, light=True)
        await until(lambda: TickConsumer.ran.get(name))
        told = time.monotonic()
    ended = time.monotonic()
    before = len(TickConsumer.ran[name])

    # when another worker comes
    async with working(client, queue, slots=50):
        results = await batch.results(30)

    # then the first ended within its grace, what it had run was kept, and the rest ran once
    assert ended - told < 4
    assert before < 250
    assert results == list(range(500))
    assert sorted(TickConsumer.ran[name]) == list(range(500))
