"""Batches and chords go on when their worker and the server are started anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gnosari_temporal import GnosariClient, Settings, signature
from gnosari_temporal.testing import LocalServer

from .work import Collect, Number, Slow, SlowConsumer, until, working


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
