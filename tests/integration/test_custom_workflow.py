"""A message type with a workflow of its own: consumers, timers, a person, children, signals and queries."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio import workflow

from gnosari_temporal import (
    BaseMessage,
    GnosariClient,
    JobCancelled,
    JobFailed,
    JobState,
    consume,
)

from .shop import Purchase, PurchaseWorkflow, ReserveConsumer, Ship, ShipConsumer


@pytest.fixture
async def client(gnosari_client: GnosariClient, gnosari_worker: Any) -> GnosariClient:
    await gnosari_worker(ReserveConsumer, ShipConsumer, PurchaseWorkflow, AskerWorkflow)
    return gnosari_client


async def waiting(until: Any, job: Any) -> None:
    async def asked() -> bool:
        return (await job.status()).state is JobState.WAITING

    await until(asked)


async def test_it_runs_in_the_sandbox() -> None:
    assert workflow._Definition.must_from_class(PurchaseWorkflow).sandboxed


async def test_it_runs_consumers_at_once_and_children_after(client: GnosariClient) -> None:
    queue = client.settings.default_queue
    result = await client.send_and_wait(Purchase(message_id=queue, items=["a", "b"]), wait=20)
    assert [r["item"] for r in result["reserved"]] == ["a", "b"]
    assert {r["job"] for r in result["reserved"]} == {f"Purchase/{queue}"}
    assert len({r["key"] for r in result["reserved"]}) == 2
    assert [s["item"] for s in result["shipped"]] == ["a", "b"]


async def test_children_have_ids_derived_from_their_parent_and_know_it(client: GnosariClient) -> None:
    job = await client.send(Purchase(items=["a", "b"]))
    result = await job.result(20)
    assert result["child"] == f"Ship/{job.id}.3"  # the third call, after two consumers
    status = await client.job(result["child"]).status()
    assert (status.state, status.parent, status.type) == (JobState.SUCCEEDED, job.id, "Ship")
    assert await client.job(result["child"]).result(5) == result["shipped"][0]


async def test_priority_passes_down_unless_a_child_says_otherwise(client: GnosariClient) -> None:
    job = await client.send(Purchase(items=["a", "b"]), priority=2)
    result = await job.result(20)
    assert result["reserved"][0]["queue"].endswith(".express")
    first, second = await client.job(f"Ship/{job.id}.3").status(), await client.job(f"Ship/{job.id}.4").status()
    assert (first.priority, second.priority) == (2, 1)


async def test_consumers_of_a_workflow_are_retried_by_their_policy(client: GnosariClient) -> None:
    result = await client.send_and_wait(Purchase(items=["a"], failures=2), wait=20)
    assert result["reserved"][0]["item"] == "a"
    job = await client.send(Purchase(items=["a"], failures=9))
    with pytest.raises(JobFailed, match="LookupError: a is not there") as caught:
        await job.result(20)
    assert caught.value.attempts == 3


@pytest.mark.parametrize("approved", [True, False])
async def test_it_waits_for_a_person(client: GnosariClient, until: Any, approved: bool) -> None:
    job = await client.send(Purchase(items=["a"], approval_timeout=60))
    await waiting(until, job)
    await (job.approve(by="ann") if approved else job.reject(reason="no"))
    result = await job.result(20)
    assert len(result["shipped"]) == (1 if approved else 0)
    if not approved:
        assert result["answer"] == {"approved": False, "reason": "no", "by": None, "key": ""}


async def test_nobody_answers_in_time(client: GnosariClient) -> None:
    result = await client.send_and_wait(Purchase(items=["a"], approval_timeout=0.2), wait=20)
    assert (result["answer"], result["shipped"]) == (None, [])


async def test_it_is_cancelled_while_it_waits(client: GnosariClient, until: Any) -> None:
    job = await client.send(Purchase(items=["a"], approval_timeout=60))
    await waiting(until, job)
    await job.cancel()
    with pytest.raises(JobCancelled):
        await job.result(20)


async def test_its_own_signals_and_queries_work_through_the_handle(client: GnosariClient, until: Any) -> None:
    job = await client.send(Purchase(items=["a"], approval_timeout=60))
    await waiting(until, job)
    await job.workflow.signal("note", "gift")
    assert await job.workflow.query("notes") == ["gift"]
    await job.approve()
    assert (await job.result(20))["noted"] == ["gift"]


class Asker(BaseMessage):
    pass


class Nobody(BaseMessage):
    pass


@workflow.defn(name="Asker", sandboxed=False)
class AskerWorkflow:
    @workflow.run
    async def run(self, message: Asker) -> Any:
        return await consume(Nobody())


async def test_a_message_without_consumer_fails_the_workflow_that_asks(client: GnosariClient) -> None:
    job = await client.send(Asker())
    with pytest.raises(JobFailed, match="no consumer for 'Nobody': known are Reserve, Ship") as caught:
        await job.result(20)
    assert caught.value.exception_type == "UnknownConsumer"


async def test_the_same_message_sent_as_a_job_of_its_own_runs_its_consumer(client: GnosariClient) -> None:
    result = await client.send_and_wait(Ship(item="z"), wait=20)
    assert result["item"] == "z"
