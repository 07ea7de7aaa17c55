"""Senders and workers of different versions, other clients, and workers that lack a consumer."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from gnosari_temporal import (
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    GnosariWorker,
    JobFailed,
    JobState,
    SendOptions,
    consume,
)
from gnosari_temporal.execution import activity
from gnosari_temporal.testing import LocalServer


class Order(BaseMessage):
    """As the worker knows it."""

    user_id: str
    pages: int = 1


class OrderConsumer(BaseConsumer):
    async def process(self, message: Order) -> dict[str, Any]:
        return message.to_dict()


class Other(BaseMessage):
    pass


class OtherConsumer(BaseConsumer):
    async def process(self, message: Other) -> None: ...


class Router(BaseMessage):
    to: str


@workflow.defn(name="Router", sandboxed=False)
class RouterWorkflow:
    @workflow.run
    async def run(self, message: Router) -> Any:
        return await consume(Order(user_id="u1"), options=SendOptions(queue=message.to))


def version(name: str, **fields: Any) -> type[BaseMessage]:
    """The message type Order as another program has it."""
    return type("Order", (BaseMessage,), {"__annotations__": fields, "__module__": name})


async def test_a_newer_sender_s_extra_fields_are_ignored_with_a_warning(
    gnosari_client: GnosariClient, gnosari_worker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await gnosari_worker(OrderConsumer)
    newer = version("newer", user_id=str, colour=str)
    with caplog.at_level(logging.WARNING):
        result = await gnosari_client.send_and_wait(newer(user_id="u1", colour="red"), wait=10)  # type: ignore[call-arg]
    assert (result["user_id"], result["pages"]) == ("u1", 1)
    assert "colour" not in result
    assert "Order: ignored unknown fields 'colour'" in caplog.text


async def test_an_older_sender_s_missing_field_fails_the_job_in_words_and_is_not_retried(
    gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    await gnosari_worker(OrderConsumer)
    older = version("older", pages=str)
    job = await gnosari_client.send(older(pages="many"))  # type: ignore[call-arg]
    told = r"Order: user_id: is required; pages: Input should be a valid integer.* \(got 'many'\)"
    with pytest.raises(JobFailed, match=told) as caught:
        await job.result(10)
    assert caught.value.exception_type == "InvalidMessage"


async def test_any_temporal_client_may_start_a_job_and_read_its_result(
    gnosari_server: LocalServer, gnosari_queue: str, gnosari_worker: Any, gnosari_client: GnosariClient
) -> None:
    await gnosari_worker(OrderConsumer)
    plain = await Client.connect(gnosari_server.address)
    result = await plain.execute_workflow(
        "Order", {"user_id": "u1", "priority": 2}, id=f"by-hand-{gnosari_queue}", task_queue=gnosari_queue
    )
    assert (result["user_id"], result["priority"], result["max_retries"]) == ("u1", 2, 3)
    job = gnosari_client.job(f"by-hand-{gnosari_queue}")
    status = await job.status()
    assert (status.state, status.type, status.queue) == (JobState.SUCCEEDED, "Order", gnosari_queue)
    assert await job.result(5) == result


async def test_a_plain_client_s_mistake_fails_its_job_in_words(
    gnosari_server: LocalServer, gnosari_queue: str, gnosari_worker: Any
) -> None:
    await gnosari_worker(OrderConsumer)
    plain = await Client.connect(gnosari_server.address)
    with pytest.raises(WorkflowFailureError) as caught:
        await plain.execute_workflow("Order", {"pages": "many"}, id=f"wrong-{gnosari_queue}", task_queue=gnosari_queue)
    assert isinstance(caught.value.cause, ApplicationError)
    assert "Order: user_id: is required" in caught.value.cause.message


async def test_a_job_is_plain_json_on_the_server(gnosari_client: GnosariClient, gnosari_worker: Any) -> None:
    await gnosari_worker(OrderConsumer)
    message = Order(user_id="u1")
    job = await gnosari_client.send(message)
    await job.result(10)
    history = await job.workflow.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    payload = started.input.payloads[0]
    assert payload.metadata["encoding"] == b"json/plain"
    assert json.loads(payload.data) == message.to_dict()


@pytest.mark.soak  # the server hands a workflow task that failed out again after 10 s
async def test_a_type_that_no_worker_of_the_queue_knows_waits_visibly_for_one_that_does(
    gnosari_client: GnosariClient, gnosari_worker: Any, until: Any
) -> None:
    without: GnosariWorker = await gnosari_worker(OtherConsumer)
    job = await gnosari_client.send(Order(user_id="u1"))

    async def stuck() -> Any:
        status = await job.status()
        return status if status.state is JobState.STUCK else None

    assert "Order" in (await until(stuck)).reason
    await without.shutdown()
    await gnosari_worker(OrderConsumer)
    assert (await job.result(30))["user_id"] == "u1"


async def test_a_worker_that_lacks_the_consumer_refuses_by_name_and_another_goes_on(
    gnosari_client: GnosariClient, gnosari_worker: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a workflow that has a consumer run on another queue, whose worker lacks it
    monkeypatch.setattr(activity, "_UNKNOWN_RETRY", timedelta(seconds=0.3))
    elsewhere = f"{gnosari_client.settings.default_queue}-elsewhere"
    lacking: GnosariWorker = await gnosari_worker(OtherConsumer, queues={elsewhere: 1})
    await gnosari_worker(RouterWorkflow, OrderConsumer)

    # when
    job = await gnosari_client.send(Router(to=elsewhere))

    # then
    async def refused() -> Any:
        status = await job.status()
        return status if status.state is JobState.RETRYING else None

    reason = (await until(refused)).reason
    assert f"no consumer 'OrderConsumer' on the worker of task queue '{elsewhere}'" in reason
    assert "it has OtherConsumer" in reason

    # when a worker comes that has it
    await lacking.shutdown()
    await gnosari_worker(OrderConsumer, queues={elsewhere: 1})

    # then it runs, and being refused is no failure of the consumer
    assert (await job.result(20))["retry_count"] == 0


async def test_a_job_that_is_refused_again_and_again_fails_and_says_so(
    gnosari_client: GnosariClient, gnosari_worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "_UNKNOWN_RETRY", timedelta(seconds=0.02))
    elsewhere = f"{gnosari_client.settings.default_queue}-elsewhere"
    await gnosari_worker(OtherConsumer, queues={elsewhere: 1})
    await gnosari_worker(RouterWorkflow, OrderConsumer)
    job = await gnosari_client.send(Router(to=elsewhere))
    with pytest.raises(JobFailed, match=r"no consumer 'OrderConsumer'.* Start a worker that has it") as caught:
        await job.result(20)
    assert caught.value.exception_type == "UnknownConsumer"
