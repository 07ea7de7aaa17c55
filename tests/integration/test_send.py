"""Sending a message and following its job, on a real server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, Field

from gnosari_temporal import (
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    JobFailed,
    JobNotFound,
    JobState,
    ResultTimeout,
    RetrySpec,
    SendOptions,
    current_job,
)
from gnosari_temporal.errors import InvalidMessage, MessageConflict, ServerUnreachable
from gnosari_temporal.server import free_port


class Order(BaseMessage):
    user_id: str = "u1"
    parts: list[int] = Field(default_factory=list)
    fail: int = 0
    """How often it fails."""


class Receipt(BaseModel):
    total: int
    at: datetime


class OrderConsumer(BaseConsumer[Order, Receipt]):
    retry = RetrySpec(maximum_attempts=3, initial_interval=0)

    async def process(self, message: Order) -> Receipt:
        if message.retry_count < message.fail:
            raise LookupError(f"no stock for {message.user_id}")
        return Receipt(total=sum(message.parts), at=message.created_at)


class Where(BaseMessage):
    pass


class WhereConsumer(BaseConsumer):
    def process(self, message: Where) -> dict[str, Any]:
        job = current_job()
        return {"queue": job.queue, "id": job.id, "attempt": job.attempt, "priority": message.priority}


@pytest.fixture
async def client(gnosari_client: GnosariClient, gnosari_worker: Any) -> GnosariClient:
    await gnosari_worker(OrderConsumer, WhereConsumer)
    return gnosari_client


async def test_a_message_becomes_a_workflow_of_its_type_and_id_and_gives_its_result(client: GnosariClient) -> None:
    message = Order(parts=[1, 2])
    job = await client.send(message)
    assert job.id == f"Order/{message.message_id}"
    assert job.message_id == message.message_id
    assert await job.result(10) == {"total": 3, "at": message.to_dict()["created_at"]}
    described = await job.workflow.describe()
    assert described.workflow_type == "Order"


async def test_with_its_consumer_named_the_result_has_the_consumer_s_type(client: GnosariClient) -> None:
    message = Order(parts=[4])
    job = await client.send(message, consumer=OrderConsumer)
    assert await job.result(10) == Receipt(total=4, at=message.created_at)
    again = await client.send(message, consumer=OrderConsumer)
    assert isinstance(await again.result(10), Receipt)


async def test_a_failed_job_raises_the_consumer_s_own_exception(client: GnosariClient) -> None:
    job = await client.send(Order(fail=9))
    with pytest.raises(JobFailed) as caught:
        await job.result(10)
    error = caught.value
    assert (error.exception_type, error.exception_message, error.attempts) == ("LookupError", "no stock for u1", 3)
    assert error.job_id == job.id
    assert 'raise LookupError(f"no stock for {message.user_id}")' in error.remote_traceback


async def test_the_same_message_sent_twice_is_one_job_also_after_it_succeeded(client: GnosariClient) -> None:
    message = Order()
    first = await client.send(message, delay=0.3)
    second = await client.send(message)
    assert (second.id, second.run_id) == (first.id, first.run_id)
    await first.result(10)
    third = await client.send(message)
    assert third.run_id == first.run_id
    assert await third.result(10) == await first.result(10)


async def test_a_job_that_failed_can_be_sent_again(client: GnosariClient) -> None:
    message = Order(fail=1)
    first = await client.send(message, retry=RetrySpec(maximum_attempts=1))
    with pytest.raises(JobFailed):
        await first.result(10)
    second = await client.send(message)
    assert second.run_id != first.run_id
    assert (await second.result(10))["total"] == 0


async def test_the_same_id_with_other_content_is_refused_and_both_are_named(client: GnosariClient) -> None:
    first = await client.send(Order(message_id="fixed-" + client.settings.default_queue))
    with pytest.raises(MessageConflict) as caught:
        await client.send(Order(message_id=first.message_id, parts=[1]))
    assert caught.value.job_id == first.id
    assert first.id in str(caught.value)
    assert "Give the new message an id of its own" in str(caught.value)
    changed_envelope = await client.send(Order(message_id=first.message_id, priority=1))
    assert changed_envelope.run_id == first.run_id


async def test_a_snapshot_is_sent(client: GnosariClient) -> None:
    message = Order(parts=[1])
    job = await client.send(message, delay=0.3)
    message.parts.append(41)
    message.user_id = "somebody else"
    assert (await job.result(10))["total"] == 1


async def test_what_was_put_into_a_message_by_mutation_is_validated_before_it_is_sent(client: GnosariClient) -> None:
    message = Order()
    message.parts.append("many")  # type: ignore[arg-type]
    with pytest.raises(InvalidMessage, match=r"Order: parts\.0: Input should be a valid integer.* \(got 'many'\)"):
        await client.send(message)


async def test_something_that_is_no_message_is_refused(client: GnosariClient) -> None:
    with pytest.raises(InvalidMessage, match=r"send\(\) takes a message, a subclass of BaseMessage; got \{'a': 1\}"):
        await client.send({"a": 1})  # type: ignore[call-overload]


async def test_urgent_messages_run_on_the_express_lane_and_the_number_travels(client: GnosariClient) -> None:
    queue = client.settings.default_queue
    urgent = await client.send_and_wait(Where(), priority=2, wait=10)
    ordinary = await client.send_and_wait(Where(priority=4), wait=10)
    assert urgent["queue"] == f"{queue}.express"
    assert ordinary["queue"] == queue
    assert ordinary["priority"] == 4


async def test_options_are_given_as_one_object_or_by_name(client: GnosariClient) -> None:
    job = await client.send(Order(fail=9), SendOptions(priority=1), retry=RetrySpec(maximum_attempts=1))
    with pytest.raises(JobFailed, match="after 1 attempt:"):
        await job.result(10)
    assert (await job.status()).priority == 1
    with pytest.raises(TypeError, match="send\\(\\) has no option 'prio'"):
        await client.send(Order(), prio=1)


async def test_a_delayed_job_starts_after_its_delay_or_at_its_time(client: GnosariClient) -> None:
    now = datetime.now(UTC)
    by_delay = await client.send(Where(), delay=0.6)
    by_time = await client.send(Where(), at=now + timedelta(seconds=0.6))
    assert (await by_delay.status()).state is JobState.SCHEDULED
    assert (await by_time.status()).starts_at is not None
    await by_delay.result(10)
    await by_time.result(10)
    for job in (by_delay, by_time):
        started = (await job.status()).starts_at
        assert started is not None
        assert started - now >= timedelta(seconds=0.5)


async def test_a_result_that_is_not_there_in_time_is_no_end_of_the_job(client: GnosariClient) -> None:
    job = await client.send(Where(), delay=1)
    with pytest.raises(ResultTimeout, match=f"job {job.id} is not finished after 100ms; it goes on") as caught:
        await job.result(0.1)
    assert isinstance(caught.value, TimeoutError)
    assert (await job.result(10))["attempt"] == 1


async def test_a_job_that_is_not_there_is_not_found(client: GnosariClient) -> None:
    job = client.job("Order/nowhere")
    assert (await job.status()).state is JobState.NOT_FOUND
    for call in (job.result(1), job.cancel(), job.terminate(), job.approve()):
        with pytest.raises(JobNotFound, match="no job Order/nowhere on the server"):
            await call


async def test_a_job_is_followed_from_its_id_alone(client: GnosariClient) -> None:
    sent = await client.send(Where())
    assert await client.job(sent.id).result(10) == await sent.result(10)


async def test_many_messages_at_once_all_come_back(client: GnosariClient) -> None:
    jobs = await asyncio.gather(*(client.send(Order(parts=[n])) for n in range(50)))
    results = await asyncio.gather(*(job.result(30) for job in jobs))
    assert [result["total"] for result in results] == list(range(50))


async def test_two_workers_share_the_jobs_of_a_queue(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    workers = [await gnosari_worker(WhereConsumer, identity=name) for name in ("one", "two")]
    jobs = [await gnosari_client.send(Where()) for _ in range(10)]
    assert [(await job.result(20))["attempt"] for job in jobs] == [1] * 10
    assert [worker.identity for worker in workers] == ["one", "two"]


async def test_the_web_ui_says_in_words_what_a_job_is(client: GnosariClient) -> None:
    job = await client.send(Order(user_id="u7"))
    await job.result(10)
    status = await job.status()
    assert status.summary == "user_id u7, fail 0"
    history = await job.workflow.fetch_history()
    scheduled = [event for event in history.events if event.HasField("activity_task_scheduled_event_attributes")]
    assert scheduled[0].activity_task_scheduled_event_attributes.activity_type.name == "OrderConsumer"
    assert b"user_id u7" in scheduled[0].user_metadata.summary.data


async def test_a_server_that_does_not_answer_is_told_by_address_with_the_remedy() -> None:
    port = free_port("127.0.0.1")
    with pytest.raises(
        ServerUnreachable, match=rf"127\.0\.0\.1:{port} \(connection refused\): start one with `gnosari"
    ):
        await GnosariClient.connect(target_host=f"127.0.0.1:{port}")
