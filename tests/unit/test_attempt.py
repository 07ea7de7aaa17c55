"""One attempt: process, hooks, timeouts, cancellation, and the decision to try again."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import CancelledError as ConsumerCancelled

from gnosari_temporal import BaseConsumer, BaseMessage, JobContext, RetryLater, RetrySpec, current_job
from gnosari_temporal.errors import ConsumerExited, ConsumerTimeout, DefinitionError, ResultTooLarge
from gnosari_temporal.execution import attempt as attempt_module
from gnosari_temporal.execution.attempt import AttemptFailed, run_attempt
from gnosari_temporal.execution.limits import MAX_PAYLOAD_BYTES
from gnosari_temporal.messages import BaseMessage as Message


class Work(BaseMessage):
    value: Any = None


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(thread_name_prefix="consumer") as pool:
        yield pool


def job_of(message: Message, retry: RetrySpec | None = None) -> JobContext:
    return JobContext(
        id=f"Work/{message.message_id}",
        message=message,
        attempt=message.retry_count + 1,
        deadline=None,
        queue="q",
        logger=logging.LoggerAdapter(logging.getLogger("test_attempt"), {}),
        retry=retry or RetrySpec.of_message(message),
    )


async def attempt(
    consumer: BaseConsumer,
    executor: ThreadPoolExecutor,
    message: Work | None = None,
    *,
    retry: RetrySpec | None = None,
    timeout: float | None = None,
) -> Any:
    message = message or Work()
    limit = None if timeout is None else timedelta(seconds=timeout)
    return await run_attempt(consumer, message, job_of(message, retry), timeout=limit, executor=executor)


async def failed(*args: Any, **kwargs: Any) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        await attempt(*args, **kwargs)
    return caught.value


class Noting(BaseConsumer):
    """Notes what is called, and in which thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bool]] = []

    def note(self, name: str) -> None:
        self.calls.append((name, threading.current_thread() is threading.main_thread()))


class AsyncNoting(Noting):
    async def process(self, message: Work) -> Any:
        self.note("process")
        if isinstance(message.value, str):
            raise ValueError(message.value)  # noqa: TRY004
        return message.value

    async def on_success(self, result: Any, message: Work) -> None:
        self.note(f"on_success {result}")

    async def on_failure(self, exc: Exception, message: Work) -> None:
        self.note(f"on_failure {exc}")

    async def should_retry(self, exc: Exception, message: Work) -> bool:
        self.note("should_retry")
        return message.max_retries > 0


class SyncNoting(Noting):
    def process(self, message: Work) -> Any:
        self.note("process")
        if isinstance(message.value, str):
            raise ValueError(message.value)  # noqa: TRY004
        return message.value

    def on_success(self, result: Any, message: Work) -> None:
        self.note(f"on_success {result}")

    def on_failure(self, exc: Exception, message: Work) -> None:
        self.note(f"on_failure {exc}")

    def should_retry(self, exc: Exception, message: Work) -> bool:
        self.note("should_retry")
        return message.max_retries > 0


both = pytest.mark.parametrize(("kind", "in_loop"), [(AsyncNoting, True), (SyncNoting, False)])


@both
async def test_success_calls_process_and_its_hook_async_in_the_loop_and_plain_in_threads(
    kind: type[Noting], in_loop: bool, executor: ThreadPoolExecutor
) -> None:
    consumer = kind()
    assert await attempt(consumer, executor, Work(value=7)) == 7
    assert consumer.calls == [("process", in_loop), ("on_success 7", in_loop)]


@both
async def test_failure_calls_on_failure_before_should_retry(
    kind: type[Noting], in_loop: bool, executor: ThreadPoolExecutor
) -> None:
    consumer = kind()
    failure = await failed(consumer, executor, Work(value="no"))
    assert [name for name, _ in consumer.calls] == ["process", "on_failure no", "should_retry"]
    assert {where for _, where in consumer.calls} == {in_loop}
    assert isinstance(failure.exception, ValueError)
    assert failure.retry_delay == timedelta(seconds=2)


@both
async def test_should_retry_stops_earlier_than_the_policy(
    kind: type[Noting], in_loop: bool, executor: ThreadPoolExecutor
) -> None:
    failure = await failed(kind(), executor, Work(value="no", max_retries=0), retry=RetrySpec(maximum_attempts=9))
    assert failure.retry_delay is None


@both
async def test_should_retry_cannot_go_on_beyond_the_policy(
    kind: type[Noting], in_loop: bool, executor: ThreadPoolExecutor
) -> None:
    consumer = kind()
    failure = await failed(consumer, executor, Work(value="no", retry_count=3, max_retries=3))
    assert failure.retry_delay is None
    assert "should_retry" not in dict(consumer.calls)


async def test_a_sync_process_does_not_block_the_loop(executor: ThreadPoolExecutor) -> None:
    class Slow(BaseConsumer):
        def process(self, message: Work) -> str:
            time.sleep(0.3)
            return "done"

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert await attempt(Slow(), executor) == "done"
    ticking.cancel()
    assert ticks > 5


async def test_a_plain_process_that_returns_a_coroutine_is_awaited(executor: ThreadPoolExecutor) -> None:
    class Wrapped(BaseConsumer):
        def process(self, message: Work) -> Any:
            async def inner() -> int:
                return 3

            return inner()

    assert await attempt(Wrapped(), executor) == 3


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_the_current_job_is_known_in_process_and_hooks(kind: str, executor: ThreadPoolExecutor) -> None:
    seen: list[str] = []

    class Async(BaseConsumer):
        async def process(self, message: Work) -> None:
            seen.append(current_job().id)
            raise ValueError

        async def on_failure(self, exc: Exception, message: Work) -> None:
            seen.append(current_job().id)

    class Sync(BaseConsumer):
        def process(self, message: Work) -> None:
            seen.append(current_job().id)
            raise ValueError

        def on_failure(self, exc: Exception, message: Work) -> None:
            seen.append(current_job().id)

    message = Work()
    await failed(Async() if kind == "async" else Sync(), executor, message)
    assert seen == [f"Work/{message.message_id}"] * 2


async def test_an_exception_in_a_hook_is_logged_and_changes_nothing(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    class Clumsy(BaseConsumer):
        def process(self, message: Work) -> int:
            if message.value:
                raise ValueError("of process")
            return 1

        def on_success(self, result: int, message: Work) -> None:
            raise RuntimeError("of on_success")

        async def on_failure(self, exc: Exception, message: Work) -> None:
            raise RuntimeError("of on_failure")

        def should_retry(self, exc: Exception, message: Work) -> bool:
            raise RuntimeError("of should_retry")

    assert await attempt(Clumsy(), executor) == 1
    failure = await failed(Clumsy(), executor, Work(value=1))
    assert str(failure.exception) == "of process"
    assert failure.retry_delay == timedelta(seconds=2)
    for hook in ("on_success", "on_failure", "should_retry"):
        assert f"of {hook}" in caplog.text


async def test_the_declared_policy_gives_the_waits(executor: ThreadPoolExecutor) -> None:
    spec = RetrySpec(maximum_attempts=5, initial_interval=1, backoff_coefficient=3)
    for failures, wait in enumerate([1, 3, 9, 27]):
        failure = await failed(AsyncNoting(), executor, Work(value="no", retry_count=failures), retry=spec)
        assert failure.retry_delay == timedelta(seconds=wait)
    failure = await failed(AsyncNoting(), executor, Work(value="no", retry_count=4), retry=spec)
    assert failure.retry_delay is None


async def test_a_type_that_is_not_retried_fails_for_good(executor: ThreadPoolExecutor) -> None:
    failure = await failed(AsyncNoting(), executor, Work(value="no"), retry=RetrySpec(non_retryable=(ValueError,)))
    assert failure.retry_delay is None


async def test_the_inherited_should_retry_follows_the_policy_in_force(executor: ThreadPoolExecutor) -> None:
    class Careful(BaseConsumer):
        def process(self, message: Work) -> None:
            raise ValueError

        def should_retry(self, exc: Exception, message: Work) -> bool:
            return bool(super().should_retry(exc, message))

    spec = RetrySpec(maximum_attempts=9)
    assert (await failed(Careful(), executor, Work(retry_count=7, max_retries=0), retry=spec)).retry_delay
    assert (await failed(Careful(), executor, Work(retry_count=8, max_retries=0), retry=spec)).retry_delay is None


@pytest.mark.parametrize(("delay", "wait"), [(30, 30.0), (timedelta(minutes=1), 60.0), (-5, 0.001), (0, 0.001)])
async def test_a_consumer_chooses_its_own_delay(delay: Any, wait: float, executor: ThreadPoolExecutor) -> None:
    class Later(BaseConsumer):
        async def process(self, message: Work) -> None:
            raise RetryLater("busy", delay=delay)

    failure = await failed(Later(), executor)
    assert failure.retry_delay is not None
    assert failure.retry_delay.total_seconds() == wait
    assert (await failed(Later(), executor, Work(retry_count=3))).retry_delay is None


async def test_an_attempt_that_takes_too_long_fails_and_is_retried(executor: ThreadPoolExecutor) -> None:
    cleaned: list[str] = []

    class Slow(BaseConsumer):
        async def process(self, message: Work) -> None:
            try:
                await asyncio.sleep(30)
            finally:
                cleaned.append("async")

    class SlowThread(BaseConsumer):
        def process(self, message: Work) -> None:
            try:
                for _ in range(3000):
                    time.sleep(0.01)
            finally:
                cleaned.append("thread")

    for consumer in (Slow(), SlowThread()):
        failure = await failed(consumer, executor, timeout=0.1)
        assert isinstance(failure.exception, ConsumerTimeout)
        assert "took longer than its timeout of 100ms" in str(failure.exception)
        assert failure.retry_delay == timedelta(seconds=2)
    assert cleaned == ["async", "thread"]


async def test_an_attempt_that_does_not_stop_after_its_timeout_is_left_behind(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_module, "ABANDON_AFTER", timedelta(seconds=0.1))
    release = threading.Event()

    class Deaf(BaseConsumer):
        def process(self, message: Work) -> None:
            while not release.is_set():
                try:
                    time.sleep(0.02)
                except ConsumerCancelled:
                    continue

    failure = await failed(Deaf(), executor, timeout=0.1)
    release.set()
    assert isinstance(failure.exception, ConsumerTimeout)


async def cancelled(consumer: BaseConsumer, executor: ThreadPoolExecutor, started: threading.Event) -> Any:
    running = asyncio.create_task(attempt(consumer, executor))
    while not started.is_set():
        await asyncio.sleep(0.005)
    running.cancel()
    return await asyncio.wait_for(running, 10)


async def test_cancellation_reaches_an_async_process(executor: ThreadPoolExecutor) -> None:
    started, cleaned = threading.Event(), threading.Event()

    class Waits(BaseConsumer):
        async def process(self, message: Work) -> None:
            started.set()
            try:
                await asyncio.sleep(30)
            finally:
                cleaned.set()

        def on_failure(self, exc: Exception, message: Work) -> None:
            raise AssertionError("a cancelled attempt has not failed")

    with pytest.raises(asyncio.CancelledError):
        await cancelled(Waits(), executor, started)
    assert cleaned.is_set()


async def test_cancellation_reaches_a_plain_process_in_its_thread(executor: ThreadPoolExecutor) -> None:
    started, cleaned = threading.Event(), threading.Event()

    class Loops(BaseConsumer):
        def process(self, message: Work) -> None:
            started.set()
            try:
                for _ in range(3000):
                    time.sleep(0.01)
            finally:
                cleaned.set()

    with pytest.raises(asyncio.CancelledError):
        await cancelled(Loops(), executor, started)
    assert cleaned.is_set()


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_process_that_finishes_in_spite_of_its_cancellation_has_its_result(
    kind: str, executor: ThreadPoolExecutor
) -> None:
    started = threading.Event()

    class Async(BaseConsumer):
        async def process(self, message: Work) -> str:
            started.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                return "finished"
            return "slept"

    class Sync(BaseConsumer):
        def process(self, message: Work) -> str:
            started.set()
            try:
                for _ in range(3000):
                    time.sleep(0.01)
            except ConsumerCancelled:
                return "finished"
            return "slept"

    assert await cancelled(Async() if kind == "async" else Sync(), executor, started) == "finished"


async def test_a_result_that_json_cannot_hold_fails_for_good_in_words(executor: ThreadPoolExecutor) -> None:
    class Odd(BaseConsumer):
        async def process(self, message: Work) -> object:
            return object()

    failure = await failed(Odd(), executor)
    assert isinstance(failure.exception, DefinitionError)
    assert "Odd returned <object object" in str(failure.exception)
    assert failure.retry_delay is None


async def test_a_result_that_is_too_large_fails_for_good_in_words(executor: ThreadPoolExecutor) -> None:
    class Large(BaseConsumer):
        async def process(self, message: Work) -> str:
            return "x" * MAX_PAYLOAD_BYTES

    failure = await failed(Large(), executor)
    assert isinstance(failure.exception, ResultTooLarge)
    assert "store the data elsewhere and return its address" in str(failure.exception)
    assert failure.retry_delay is None


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_consumer_that_calls_exit_fails_its_attempt_and_not_the_worker(
    kind: str, executor: ThreadPoolExecutor
) -> None:
    class Async(BaseConsumer):
        async def process(self, message: Work) -> None:
            sys.exit(3)

    class Sync(BaseConsumer):
        def process(self, message: Work) -> None:
            sys.exit(3)

    failure = await failed(Async() if kind == "async" else Sync(), executor)
    assert isinstance(failure.exception, ConsumerExited)
    assert "sys.exit(3)" in str(failure.exception)
    assert failure.retry_delay == timedelta(seconds=2)
