"""The consumer activity: what it takes from earlier attempts, and what it leaves to the next."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from gnosari_temporal import Application, BaseConsumer, BaseMessage, RetrySpec, current_job
from gnosari_temporal.execution.activity import ConsumerRunner
from gnosari_temporal.execution.inputs import ConsumerInput
from gnosari_temporal.retry import LOST_ATTEMPTS_ALLOWED


class Work(BaseMessage):
    pass


class WorkConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=3, initial_interval=1)

    async def process(self, message: Work) -> dict[str, Any]:
        return {"attempt": current_job().attempt, "failures": message.retry_count}


class NeedyConsumer(WorkConsumer):
    def __init__(self, database: object) -> None:
        self.database = database


class WaitingConsumer(WorkConsumer):
    async def process(self, message: Work) -> dict[str, Any]:
        started.append(message.message_id)
        await asyncio.sleep(60)
        return {}


class ProgressConsumer(WorkConsumer):
    async def process(self, message: Work) -> dict[str, Any]:
        current_job().heartbeat({"lock": object()})
        return {}


class BlockingConsumer(WorkConsumer):
    async def process(self, message: Work) -> dict[str, Any]:
        current_job().send_blocking(Work())
        return {}


started: list[str] = []


class Server:
    """Hands attempts to activities as a server does, and keeps the last heartbeat."""

    def __init__(
        self, consumer: type[BaseConsumer], attempt: int = 1, details: Mapping[str, Any] | None = None
    ) -> None:
        async def sender(message: BaseMessage, **options: Any) -> Any:
            raise AssertionError("nothing is sent here")

        self.heartbeat: Any = None
        application = Application.build(consumers=[consumer])
        runner = ConsumerRunner(
            registry=application.registry,
            executor=ThreadPoolExecutor(1),
            factory=lambda kind: application.make_consumer(kind, {}),
            sender=sender,
        )
        self.known, *_, self.unknown = runner.activities()
        self.environment = ActivityEnvironment()
        self.environment.info = dataclasses.replace(
            self.environment.info, attempt=attempt, heartbeat_details=[details] if details is not None else []
        )
        self.environment.on_heartbeat = self._keep

    def _keep(self, details: Any) -> None:
        self.heartbeat = details

    async def run(self, activity: Callable[..., Any] | None = None) -> Any:
        given: Any = [ConsumerInput(message=Work().to_dict(), retry=WorkConsumer.retry)] if activity is None else []
        return await self.environment.run(activity or self.known, *given or [[]])


async def begun(server: Server) -> asyncio.Task[Any]:
    """An attempt whose consumer runs."""
    started.clear()
    running = asyncio.create_task(server.run())
    async with asyncio.timeout(10):
        while not started:
            await asyncio.sleep(0.01)
    return running


async def test_attempts_that_were_neither_failures_nor_losses_are_not_counted_against_a_job() -> None:
    server = Server(WorkConsumer, attempt=9, details={"failures": 2, "released": 3, "refused": 3})
    assert await server.run() == {"attempt": 3, "failures": 2}


async def test_attempts_that_went_to_a_wrong_worker_are_counted_apart() -> None:
    server = Server(WorkConsumer, attempt=9, details={"failures": 8, "progress": "half"})
    with pytest.raises(ApplicationError, match="no consumer 'unknown' on the worker") as caught:
        await server.run(server.unknown)
    assert not caught.value.non_retryable
    assert server.heartbeat == {"failures": 8, "released": 0, "refused": 1, "progress": "half"}

    again = Server(WorkConsumer, attempt=14, details={"failures": 8, "refused": LOST_ATTEMPTS_ALLOWED})
    with pytest.raises(ApplicationError) as caught:
        await again.run(again.unknown)
    assert caught.value.non_retryable


async def test_a_consumer_that_cannot_be_made_has_failed_and_is_tried_again_by_its_policy() -> None:
    server = Server(NeedyConsumer)
    with pytest.raises(ApplicationError, match="needs 'database'") as caught:
        await server.run()
    assert caught.value.next_retry_delay == RetrySpec(initial_interval=1).delay(1)
    assert server.heartbeat["failures"] == 1

    last = Server(NeedyConsumer, attempt=3, details={"failures": 2})
    with pytest.raises(ApplicationError) as caught:
        await last.run()
    assert caught.value.non_retryable
    assert caught.value.details[0]["attempts"] == 3


async def test_a_job_that_even_kills_who_would_tell_of_its_loss_ends_all_the_same() -> None:
    server = Server(NeedyConsumer, attempt=LOST_ATTEMPTS_ALLOWED + 2)
    with pytest.raises(ApplicationError, match="6 attempts of NeedyConsumer were lost with their workers"):
        await server.run()


@pytest.mark.parametrize("reason", ["worker_shutdown", "paused", "reset"])
async def test_an_attempt_that_is_stopped_and_not_cancelled_is_handed_back(reason: str) -> None:
    server = Server(WaitingConsumer)
    running = await begun(server)
    server.environment.cancel(ActivityCancellationDetails(**{reason: True}))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert server.heartbeat["released"] == 1


async def test_a_job_that_is_cancelled_is_not_handed_back() -> None:
    server = Server(WaitingConsumer)
    running = await begun(server)
    server.environment.cancel(ActivityCancellationDetails(cancel_requested=True))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert server.heartbeat is None


async def test_an_activity_that_a_person_has_reset_counts_from_one_again() -> None:
    server = Server(WorkConsumer, attempt=1, details={"failures": 2, "progress": 7})
    assert await server.run() == {"attempt": 1, "failures": 0}


async def test_progress_that_json_cannot_hold_is_refused_where_it_is_given() -> None:
    server = Server(ProgressConsumer)
    with pytest.raises(ApplicationError, match=r"ProgressConsumer gave heartbeat\(\) \{'lock': <object") as caught:
        await server.run()
    assert (caught.value.type, caught.value.non_retryable) == ("DefinitionError", True)


async def test_a_blocking_send_from_async_code_is_refused_in_place_of_blocking_the_worker_for_ever() -> None:
    server = Server(BlockingConsumer)
    with pytest.raises(ApplicationError, match=r"write `await current_job\(\).send\(message\)`") as caught:
        await server.run()
    assert caught.value.type == "EventLoopRunning"
