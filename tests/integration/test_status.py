"""Where a job stands: every state, with what explains it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import PauseActivityRequest

from gnosari_temporal import (
    Application,
    BaseConsumer,
    BaseMessage,
    GnosariClient,
    JobError,
    JobFailed,
    JobHandle,
    JobState,
    JobStatus,
    RetrySpec,
    current_job,
    wait_for_approval,
)
from gnosari_temporal.errors import SettingsError


class Work(BaseMessage):
    kind: str = "plain"


class WorkConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=3, initial_interval=600, non_retryable=(KeyError,))

    def __init__(self, release: asyncio.Event) -> None:
        self.release = release

    async def process(self, message: Work) -> str:
        if message.kind == "fails":
            raise KeyError("for good")
        if message.kind == "retries":
            raise ConnectionError("the shop is closed")
        if message.kind == "progress":
            for step in range(100):
                current_job().heartbeat({"step": step})
                await asyncio.sleep(0.05)
        await self.release.wait()
        return "done"


class Held(BaseMessage):
    amount: int = 0


@workflow.defn(name="Held", sandboxed=False)
class HeldWorkflow:
    @workflow.run
    async def run(self, message: Held) -> str:
        answer = await wait_for_approval(f"Pay {message.amount}?")
        assert answer is not None
        return f"{answer.approved} by {answer.by}: {answer.reason}"


class Broken(BaseMessage):
    pass


@workflow.defn(name="Broken", sandboxed=False)
class BrokenWorkflow:
    @workflow.run
    async def run(self, message: Broken) -> None:
        raise RuntimeError("a bug of the workflow")


class Unserved(BaseMessage):
    pass


@pytest.fixture
def release() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def client(gnosari_client: GnosariClient, gnosari_worker: Any, release: asyncio.Event) -> GnosariClient:
    application = Application.build(
        consumers=[WorkConsumer],
        workflows=[HeldWorkflow, BrokenWorkflow],
        factory=lambda consumer, resources: consumer(release),  # type: ignore[call-arg]
    )
    settings = gnosari_client.settings.model_copy(update={"grace": timedelta(0)})
    await gnosari_worker(application, settings=settings)
    return gnosari_client


@pytest.fixture
def reaches(until: Any) -> Any:
    async def wait(job: JobHandle[Any], state: JobState) -> JobStatus:
        async def there() -> JobStatus | None:
            status = await job.status()
            return status if status.state is state else None

        found: JobStatus = await until(there)
        return found

    return wait


async def test_scheduled(client: GnosariClient) -> None:
    job = await client.send(Work(), delay=600)
    status = await job.status()
    assert status.state is JobState.SCHEDULED
    assert status.starts_at is not None
    assert status.created_at is not None
    assert status.starts_at - status.created_at >= timedelta(seconds=599)
    await job.terminate()


async def test_queued_where_no_worker_listens(gnosari_client: GnosariClient) -> None:
    job = await gnosari_client.send(Work(), queue="nobody-" + gnosari_client.settings.default_queue, priority=7)
    status = await job.status()
    assert (status.state, status.priority, status.type) == (JobState.QUEUED, 7, "Work")
    assert status.queue.startswith("nobody-")
    await job.terminate()


async def test_queued_behind_others(client: GnosariClient, release: asyncio.Event, reaches: Any) -> None:
    first = [await client.send(Work()) for _ in range(client.settings.concurrency)]
    for job in first:
        await reaches(job, JobState.RUNNING)
    last = await client.send(Work())
    await reaches(last, JobState.QUEUED)
    release.set()
    await last.result(10)


async def test_running_with_its_worker_and_progress(client: GnosariClient, reaches: Any, until: Any) -> None:
    job = await client.send(Work(kind="progress"))
    status = await reaches(job, JobState.RUNNING)
    assert status.attempt == 1
    assert "@" in status.worker
    assert status.summary == "kind progress"

    async def progressed() -> bool:
        progress = await job.progress()
        return bool(progress and progress["step"] > 0)

    await until(progressed)
    await job.terminate()


async def test_retrying_with_the_next_attempt_and_the_reason(client: GnosariClient, reaches: Any) -> None:
    job = await client.send(Work(kind="retries"))
    status = await reaches(job, JobState.RETRYING)
    assert status.attempt == 2
    assert status.reason == "ConnectionError: the shop is closed"
    assert status.created_at is not None
    assert status.next_attempt_at - status.created_at > timedelta(seconds=590)
    await job.terminate()


async def test_waiting_for_a_person_and_answered(client: GnosariClient, reaches: Any, until: Any) -> None:
    job = await client.send(Held(amount=50))
    status = await reaches(job, JobState.WAITING)
    assert status.reason == "Pay 50?"
    assert [(q.key, q.question) for q in status.questions] == [("approval", "Pay 50?")]

    async def listed() -> bool:
        return job.id in [found.id async for found in client.jobs(state="waiting")]

    await until(listed)
    with pytest.raises(JobError, match="does not wait for question 'other': open are approval"):
        await job.approve(key="other")
    await job.reject(reason="too much", by="ann")
    assert await job.result(10) == "False by ann: too much"
    with pytest.raises(JobError, match="does not wait for an answer: it is SUCCEEDED"):
        await job.approve()


async def test_stuck_on_a_bug_of_its_workflow_with_the_reason(client: GnosariClient, reaches: Any) -> None:
    job = await client.send(Broken())
    status = await reaches(job, JobState.STUCK)
    assert "a bug of the workflow" in status.reason
    await job.terminate()


async def test_stuck_where_no_worker_of_the_queue_knows_the_type(client: GnosariClient, reaches: Any) -> None:
    job = await client.send(Unserved())
    status = await reaches(job, JobState.STUCK)
    assert "Unserved" in status.reason
    await job.terminate()


async def test_succeeded_and_failed_with_the_reason(client: GnosariClient, release: asyncio.Event) -> None:
    release.set()
    good = await client.send(Work())
    await good.result(10)
    status = await good.status()
    assert status.state is JobState.SUCCEEDED
    assert status.state.ended
    assert status.ended_at is not None

    bad = await client.send(Work(kind="fails"))
    with pytest.raises(JobFailed):
        await bad.result(10)
    status = await bad.status()
    assert (status.state, status.reason) == (JobState.FAILED, "KeyError: 'for good'")


async def test_jobs_are_listed_newest_first_by_state_and_type(
    client: GnosariClient, release: asyncio.Event, until: Any, reaches: Any
) -> None:
    retrying = await client.send(Work(kind="retries"))
    await reaches(retrying, JobState.RETRYING)
    release.set()
    done = []
    for _ in range(3):  # one after another: the server lists by the time of the end
        done.append(await client.send(Work()))
        await done[-1].result(10)

    async def listed() -> list[str]:
        found = [status.id async for status in client.jobs(state="succeeded", type="Work", limit=3)]
        return found if set(found) == {job.id for job in done} else []

    assert await until(listed) == [job.id for job in reversed(done)]
    assert retrying.id in [status.id async for status in client.jobs(state=JobState.RETRYING)]
    assert retrying.id not in [status.id async for status in client.jobs(state="running", limit=None)]
    assert len([status async for status in client.jobs(limit=2)]) == 2
    assert [status async for status in client.jobs(type='"; nothing')] == []
    with pytest.raises(SettingsError, match="status 'lost' is not one of scheduled, queued, running"):
        [status async for status in client.jobs(state="lost")]
    await retrying.terminate()


async def test_stuck_where_a_person_has_paused_the_consumer(client: GnosariClient, reaches: Any) -> None:
    job = await client.send(Work(kind="retries"))
    await reaches(job, JobState.RETRYING)
    await client.temporal.workflow_service.pause_activity(
        PauseActivityRequest(
            namespace=client.temporal.namespace,
            execution=WorkflowExecution(workflow_id=job.id),
            identity="ada",
            type="WorkConsumer",
            reason="the shop moves",
        )
    )
    status = await reaches(job, JobState.STUCK)
    assert status.reason.startswith("its consumer was paused by ada: the shop moves; go on with")
    await job.terminate()
