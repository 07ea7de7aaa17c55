"""Rate limits and the state of queues, on the real server."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from temporalio.runtime import Runtime, TelemetryConfig

from gnosari_temporal import Application, BaseConsumer, BaseMessage, GnosariClient, GnosariWorker
from gnosari_temporal.client.limits import apply_limits
from gnosari_temporal.client.queues import ACTIVITIES, queue_states, queues_in_use, task_queue_state
from gnosari_temporal.client.workers import worker_states
from gnosari_temporal.settings import QueueLimit

STARTED: dict[str, list[float]] = {}


class LimitedMessage(BaseMessage):
    run: str


class LimitedConsumer(BaseConsumer):
    async def process(self, message: LimitedMessage) -> None:
        STARTED.setdefault(message.run, []).append(time.monotonic())


class UnservedMessage(BaseMessage):
    pass


async def test_a_rate_limit_holds_over_two_workers(gnosari_client, gnosari_queue, gnosari_settings):
    settings = gnosari_settings.model_copy(update={"limits": {gnosari_queue: QueueLimit(per_second=5)}})
    application = Application.build(consumers=[LimitedConsumer])
    jobs = [await gnosari_client.send(LimitedMessage(run=gnosari_queue), priority=1 + n % 10) for n in range(30)]

    async with (
        GnosariWorker(gnosari_client, application, settings=settings),
        GnosariWorker(await GnosariClient.connect(settings), application),
    ):
        await asyncio.gather(*(job.result(60) for job in jobs))
        limited = await task_queue_state(gnosari_client.temporal, gnosari_queue, ACTIVITIES)

    started = sorted(STARTED[gnosari_queue])
    assert limited.limit_per_second == 5
    assert len(started) == 30
    # A bucket of one second's worth may be spent at once; after it the rate holds.
    assert started[-1] - started[0] > (30 - 5 - 5) / 5


async def test_a_limit_that_the_settings_no_longer_name_is_lifted_and_one_set_by_other_means_stays(
    gnosari_client, gnosari_queue
):
    temporal = gnosari_client.temporal
    await apply_limits(temporal, [gnosari_queue], {gnosari_queue: QueueLimit(per_second=7, per_fairness_key=2)}, ())
    limited = await task_queue_state(temporal, gnosari_queue, ACTIVITIES)
    assert (limited.limit_per_second, limited.limit_per_fairness_key) == (7, 2)

    await apply_limits(temporal, [gnosari_queue], {}, ())
    lifted = await task_queue_state(temporal, gnosari_queue, ACTIVITIES)
    assert (lifted.limit_per_second, lifted.limit_per_fairness_key) == (None, None)


async def test_a_queue_that_nobody_serves_is_found_with_what_waits_there(gnosari_client, gnosari_queue):
    unserved = f"{gnosari_queue}-unserved"
    for priority in (4, 4, 8):
        await gnosari_client.send(UnservedMessage(priority=priority), queue=unserved)

    deadline = time.monotonic() + 20
    while unserved not in (names := await queues_in_use(gnosari_client.temporal, [gnosari_queue])):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    state = (await queue_states(gnosari_client.temporal, [unserved], gnosari_client.settings.lanes))[0]

    assert gnosari_queue in names
    assert state.waiting == 3
    assert state.waiting_by_key == {4: 2, 8: 1}
    assert state.workers == ()
    assert state.oldest.total_seconds() >= 0


async def test_a_served_queue_names_its_workers(gnosari_client, gnosari_queue, gnosari_settings, until):
    name = f"worker of {gnosari_queue}"
    # the SDK's first heartbeat may come before a worker is ready, the next after a minute
    often = Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=timedelta(seconds=1))
    client = await GnosariClient.connect(gnosari_settings, runtime=often)
    async with GnosariWorker(client, Application.build(consumers=[LimitedConsumer]), identity=name):
        await gnosari_client.send_and_wait(LimitedMessage(run="once"), wait=20)

        state = (await queue_states(gnosari_client.temporal, [gnosari_queue], gnosari_client.settings.lanes))[0]
        assert state.workers == (name,)

        async def heard():
            workers = await worker_states(gnosari_client.temporal, [gnosari_queue], gnosari_client.settings.lanes)
            return name in [worker.identity for worker in workers]

        await until(heard)
