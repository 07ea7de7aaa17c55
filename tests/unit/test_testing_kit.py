"""The test kit without a server: what a run of a consumer tells."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from gnosari_temporal import BaseConsumer, BaseMessage, RetryLater, RetrySpec, SendOptions, blocking, current_job
from gnosari_temporal.errors import (
    ConsumerTimeout,
    DefinitionError,
    EventLoopRunning,
    GnosariError,
    InvalidMessage,
    MessageTooLarge,
)
from gnosari_temporal.testing import run_consumer, run_consumer_async
from gnosari_temporal.testing.local import application_of


class Order(BaseMessage):
    item: str = "book"
    failures: int = 0


class Parcel(BaseMessage):
    item: str


class OrderConsumer(BaseConsumer[Order, str]):
    async def process(self, message: Order) -> str:
        current_job().heartbeat(message.retry_count)
        if message.retry_count < message.failures:
            raise ConnectionError(f"failure {message.retry_count + 1}")
        return f"ordered {message.item}"

    async def on_success(self, result: str, message: Order) -> None: ...

    def on_failure(self, exc: Exception, message: Order) -> None: ...


def test_a_run_that_succeeds_has_result_and_hooks() -> None:
    run = run_consumer(OrderConsumer, Order())
    assert (run.result, run.error, run.succeeded) == ("ordered book", None, True)
    assert (run.attempts, run.delays, run.hooks) == (1, [], ["on_success"])


def test_retries_are_run_at_once_and_their_waits_told() -> None:
    began = time.monotonic()
    run = run_consumer(OrderConsumer, Order(failures=2))
    assert time.monotonic() - began < 2
    assert run.result == "ordered book"
    assert run.delays == [timedelta(seconds=2), timedelta(seconds=4)]
    assert [str(error) for error in run.errors] == ["failure 1", "failure 2"]
    assert run.hooks == ["on_failure", "on_failure", "on_success"]
    assert run.progress == [0, 1, 2]


def test_a_run_that_is_given_up_has_its_last_error() -> None:
    run = run_consumer(OrderConsumer, Order(failures=9))
    assert isinstance(run.error, ConnectionError)
    assert (run.succeeded, run.result, run.attempts) == (False, None, 4)
    assert [delay.total_seconds() for delay in run.delays] == [2, 4, 8]


def test_a_run_is_cut_short_on_demand() -> None:
    run = run_consumer(OrderConsumer, Order(failures=9), attempts=1)
    assert str(run.error) == "failure 1"
    assert run.delays == [timedelta(seconds=2)]


def test_the_policy_is_the_consumer_s_or_that_of_the_options() -> None:
    class Declared(OrderConsumer):
        retry = RetrySpec(maximum_attempts=2, initial_interval=60)

    assert run_consumer(Declared, Order(failures=9)).delays == [timedelta(seconds=60)]
    options = SendOptions(retry=RetrySpec(maximum_attempts=1))
    assert run_consumer(Declared, Order(failures=9), options=options).attempts == 1


def test_a_policy_without_end_is_noticed() -> None:
    class Endless(OrderConsumer):
        retry = RetrySpec(maximum_attempts=0)

    with pytest.raises(GnosariError, match="1000 attempts and no end: give run_consumer attempts=N"):
        run_consumer(Endless, Order(failures=10**9))


def test_a_consumer_s_own_delay_is_told() -> None:
    class Later(BaseConsumer):
        def process(self, message: Order) -> None:
            raise RetryLater("busy", delay=90)

    assert run_consumer(Later, Order(max_retries=1)).delays == [timedelta(seconds=90)]


def test_an_attempt_over_its_timeout_fails() -> None:
    class Slow(BaseConsumer):
        async def process(self, message: Order) -> None:
            await asyncio.sleep(60)

    run = run_consumer(Slow, Order(max_retries=0), options=SendOptions(timeout=0.1))
    assert isinstance(run.error, ConsumerTimeout)


def test_every_attempt_gets_a_new_instance_and_a_fresh_copy_of_the_message() -> None:
    class Keeps(BaseConsumer):
        def __init__(self) -> None:
            self.calls = 0

        def process(self, message: Order) -> int:
            self.calls += 1
            assert message.item == "book"
            message.item = "changed"
            if message.retry_count == 0:
                raise ConnectionError
            return self.calls

    assert run_consumer(Keeps, Order()).result == 1


def test_an_instance_is_taken_as_it_is_and_left_as_it_was() -> None:
    class Counts(OrderConsumer):
        calls = 0

        async def process(self, message: Order) -> str:
            self.calls += 1
            return await super().process(message)

    consumer = Counts()
    first, second = run_consumer(consumer, Order(failures=1)), run_consumer(consumer, Order())
    assert consumer.calls == 3
    assert (first.hooks, second.hooks) == (["on_failure", "on_success"], ["on_success"])
    assert "on_success" not in vars(consumer)


def test_dependencies_come_from_the_resources() -> None:
    class Needs(BaseConsumer):
        def __init__(self, shop: dict[str, int]) -> None:
            self.shop = shop

        def process(self, message: Order) -> list[int]:
            assert current_job().resources["shop"] is self.shop
            return [self.shop[message.item]]

    assert run_consumer(Needs, Order(), resources={"shop": {"book": 3}}).result == [3]
    with pytest.raises(DefinitionError, match="needs 'shop'"):
        run_consumer(Needs, Order())


def test_the_job_is_what_it_would_be_on_a_worker() -> None:
    seen: list[Any] = []

    class Looks(BaseConsumer):
        queue = "orders"

        def process(self, message: Order) -> None:
            job = current_job()
            seen.append((job.id, job.attempt, job.queue, job.idempotency_key, job.last_progress))
            job.heartbeat("seen")
            assert job.deadline is not None
            if message.retry_count == 0:
                raise ConnectionError

    message = Order()
    run_consumer(Looks, message)
    id = f"Order/{message.message_id}"
    assert seen == [(id, 1, "orders", f"{id}#1", None), (id, 2, "orders", f"{id}#1", "seen")]


class Sends(BaseConsumer):
    async def process(self, message: Order) -> str:
        job = await current_job().send(Parcel(item=message.item), priority=1)
        if message.retry_count < message.failures:
            raise ConnectionError
        return str(await job.result())


class SendsPlainly(BaseConsumer):
    def process(self, message: Order) -> str:
        job = current_job().send_blocking(Parcel(item=message.item), priority=1)
        other = blocking.send(Parcel(item="other", message_id="fixed"))
        if message.retry_count < message.failures:
            raise ConnectionError
        return f"{job.id} {other.message_id} {other.result(timeout=1)}"


def test_what_is_sent_is_kept_once_with_its_options_and_answered_by_the_test() -> None:
    message = Order(failures=2)
    run = run_consumer(Sends, message, replies={Parcel: lambda parcel: f"packed {parcel.item}"})
    assert run.result == "packed book"
    [sent] = run.sent
    assert sent.id == f"Parcel/Order/{message.message_id}.1.1"
    assert sent.message == Parcel(item="book", message_id=sent.message.message_id, created_at=sent.message.created_at)
    assert sent.options == SendOptions(priority=1)


def test_plain_code_sends_too() -> None:
    message = Order(failures=1)
    run = run_consumer(SendsPlainly, message, replies={Parcel: "packed"})
    assert run.result == f"Parcel/Order/{message.message_id}.1.1 fixed packed"
    assert len(run.sent) == 2


def test_a_reply_may_be_an_error_and_one_that_is_missing_is_told() -> None:
    run = run_consumer(Sends, Order(max_retries=0), replies={Parcel: KeyError("lost")})
    assert isinstance(run.error, KeyError)
    run = run_consumer(Sends, Order(max_retries=0))
    assert "give it, as in replies={Parcel: result}" in str(run.error)


def test_what_needs_a_server_is_told() -> None:
    class Lists(BaseConsumer):
        def process(self, message: Order) -> Any:
            return blocking.jobs()

    run = run_consumer(Lists, Order(max_retries=0))
    assert "has no server to jobs with: use the fixture gnosari_worker" in str(run.error)


def test_a_consumer_is_cancelled() -> None:
    cleaned = threading.Event()

    class Waits(BaseConsumer):
        async def process(self, message: Order) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                cleaned.set()

        def on_failure(self, exc: Exception, message: Order) -> None: ...

    run = run_consumer(Waits, Order(), cancel_after=0.05)
    assert run.cancelled
    assert not run.succeeded
    assert cleaned.is_set()
    assert run.hooks == []


def test_a_message_that_send_would_refuse_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="the consumer processes Order, not Parcel"):
        run_consumer(OrderConsumer, Parcel(item="book"))  # type: ignore[type-var]
    with pytest.raises(MessageTooLarge):
        run_consumer(OrderConsumer, Order(item="x" * 3_000_000))
    with pytest.raises(DefinitionError, match="is no consumer"):
        run_consumer(Order, Order())  # type: ignore[arg-type]


async def test_in_an_async_test_the_async_function_is_named() -> None:
    with pytest.raises(EventLoopRunning, match="await run_consumer_async"):
        run_consumer(OrderConsumer, Order())
    assert (await run_consumer_async(OrderConsumer, Order())).result == "ordered book"


def test_an_application_is_made_of_its_parts_in_any_order() -> None:
    application = application_of([OrderConsumer, Parcel])
    assert set(application.registry.message_types) == {"Order", "Parcel"}
    assert application_of([application]) is application
    with pytest.raises(DefinitionError, match="is no consumer, workflow or message"):
        application_of([42])


def test_the_plugin_imports_nothing_of_the_engine_before_a_fixture_is_used() -> None:
    text = """
import sys
import gnosari_temporal.testing.plugin
heavy = {"temporalio", "pydantic", "gnosari_temporal.client", "gnosari_temporal.worker"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
