"""The project's own application on a real server."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.library import ReportLibrary
from gnosari_temporal import (
    Application,
    GnosariClient,
    GnosariWorker,
    JobCancelled,
    JobFailed,
    JobHandle,
    JobState,
    JobStatus,
    Settings,
    load_project,
)
from gnosari_temporal.testing import LocalServer, WorkerThread
from workflows import ExampleMessage, MyFeatureMessage, ReportMessage

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def own_server() -> Iterator[LocalServer]:
    """A server of this module's own: the application's queues have fixed names."""
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the reports go, away from the repository."""
    path = tmp_path_factory.mktemp("library") / "library.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("activities.library.LIBRARY", path)
        yield path


@pytest.fixture(scope="module")
def application() -> Application:
    return load_project(Settings(project_dir=REPOSITORY))


@pytest.fixture(scope="module")
def worker(own_server: LocalServer, application: Application, library: Path) -> Iterator[WorkerThread]:
    with WorkerThread(own_server.settings(concurrency=4), application) as running:
        yield running


@pytest.fixture
async def client(own_server: LocalServer, application: Application) -> GnosariClient:
    return await GnosariClient.connect(own_server.settings(), registry=application.registry)


def titles_and_texts(library: Path) -> dict[str, str]:
    """What the library holds."""
    with sqlite3.connect(library) as connection:
        return dict(connection.execute("SELECT title, text FROM reports").fetchall())


async def until(job: JobHandle, state: JobState) -> JobStatus:
    async with asyncio.timeout(20):
        while (status := await job.status()).state is not state:
            await asyncio.sleep(0.02)
        return status


@pytest.mark.usefixtures("worker")
class TestExample:
    async def test_greets_by_name_or_user(self, client: GnosariClient) -> None:
        by_user = await client.send_and_wait(ExampleMessage.create("u1", "greet"), wait=20)
        by_name = await client.send_and_wait(ExampleMessage.create("u1", "greet", {"name": "Ada"}), wait=20)

        assert by_user == {"user_id": "u1", "greeting": "Hello, u1!"}
        assert by_name == {"user_id": "u1", "greeting": "Hello, Ada!"}

    async def test_calculates(self, client: GnosariClient) -> None:
        message = ExampleMessage.create("u1", "calculate", {"numbers": [1, 2, 6], "operation": "mean"})

        assert await client.send_and_wait(message, wait=20) == {"user_id": "u1", "mean": 3.0}

    async def test_fails_with_the_reason_it_was_given(self, client: GnosariClient) -> None:
        job = await client.send(ExampleMessage(user_id="u1", action="fail", data={"reason": "rain"}, max_retries=0))

        with pytest.raises(JobFailed, match="RuntimeError: rain"):
            await job.result(20)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({}, "a list of numbers is required"),
        ({"numbers": []}, "a list of numbers is required"),
        ({"numbers": [1, True]}, "a list of numbers is required"),
        ({"numbers": [1], "operation": "guess"}, "'guess' is not one of sum, product"),
    ],
)
def test_a_calculation_that_cannot_be_is_refused_where_the_message_is_made(data: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ExampleMessage.create("u1", "calculate", data)


@pytest.mark.usefixtures("worker")
class TestMyFeature:
    async def test_processes_on_the_queue_that_its_message_names(self, client: GnosariClient) -> None:
        job = await client.send(MyFeatureMessage.create("u1", "process", {"input_data": "x", "seconds": 0}))

        result = await job.result(20)

        assert result["result"] == {"processed": True, "data": "x"}
        assert (await job.status()).queue == "my_feature_queue"

    async def test_a_value_error_is_not_retried(self, client: GnosariClient) -> None:
        job = await client.send(MyFeatureMessage.create("u1", "analyze", {"seconds": "soon"}))

        with pytest.raises(JobFailed, match="ValueError") as failed:
            await job.result(20)
        assert failed.value.attempts == 1


class TestReport:
    @pytest.mark.usefixtures("worker")
    async def test_is_published_once_a_person_approves(self, client: GnosariClient, library: Path) -> None:
        # given
        job = await client.send(ReportMessage(title="Weekly"))
        waiting = await until(job, JobState.WAITING)

        # when
        await job.approve(by="ada", reason="fine")
        result = await job.result(20)

        # then
        assert waiting.reason == "Publish “Weekly”?"
        assert (result["outcome"], result["decided_by"], result["reason"]) == ("published", "ada", "fine")
        assert result["number"] >= 1
        assert [f"## {source}" in result["text"] for source in ("System", "Disk", "Packages")] == [True] * 3
        assert titles_and_texts(library)["Weekly"] == result["text"]

    @pytest.mark.usefixtures("worker")
    async def test_is_not_published_when_a_person_rejects(self, client: GnosariClient, library: Path) -> None:
        # given
        job = await client.send(ReportMessage(title="Too early", sources=("disk",)))
        await until(job, JobState.WAITING)

        # when
        await job.reject(reason="too early")
        result = await job.result(20)

        # then
        assert (result["outcome"], result["number"], result["reason"]) == ("rejected", None, "too early")
        assert "Too early" not in titles_and_texts(library)

    @pytest.mark.usefixtures("worker")
    async def test_ends_by_itself_when_nobody_answers_in_time(self, client: GnosariClient) -> None:
        result = await client.send_and_wait(
            ReportMessage(title="Weekly", sources=("disk",), approval_timeout=0.2), wait=20
        )

        assert (result["outcome"], result["reason"]) == ("timed_out", "nobody answered within 200ms")

    @pytest.mark.usefixtures("worker")
    async def test_says_so_when_a_source_fails_for_good(self, client: GnosariClient, tmp_path: Path) -> None:
        # given
        nowhere = tmp_path / "nowhere"
        message = ReportMessage(title="Weekly", sources=("disk", "packages"), path=str(nowhere), approval_timeout=0.2)

        # when
        result = await client.send_and_wait(message, wait=20)

        # then
        assert "- not available: FileNotFoundError" in result["text"]
        assert "- installed: " in result["text"]

    @pytest.mark.usefixtures("worker")
    async def test_can_be_cancelled_while_it_waits(self, client: GnosariClient) -> None:
        job = await client.send(ReportMessage(title="Weekly", sources=("disk",)))
        await until(job, JobState.WAITING)

        await job.cancel()

        with pytest.raises(JobCancelled):
            await job.result(20)

    @pytest.mark.usefixtures("library")
    async def test_waits_on_while_no_worker_is_there(
        self, client: GnosariClient, application: Application, gnosari_queue: str
    ) -> None:
        # given a job that waits, and whose worker has gone
        queues = {gnosari_queue: 2}
        async with GnosariWorker(client, application, queues=queues):
            job = await client.send(ReportMessage(title="Weekly", sources=("disk",)), queue=gnosari_queue)
            await until(job, JobState.WAITING)

        # when it is answered, and another worker comes
        await job.reject(by="ada")
        async with GnosariWorker(client, application, queues=queues):
            result = await job.result(20)

        # then
        assert (result["outcome"], result["decided_by"]) == ("rejected", "ada")

    def test_runs_in_the_sandbox(self, application: Application) -> None:
        assert "workflows.report" not in application.modules
        assert "workflows.example" in application.modules


def test_the_library_keeps_one_report_for_one_key(tmp_path: Path) -> None:
    with ReportLibrary(tmp_path / "new" / "library.db") as library:
        first = library.publish("job-1#1", "Weekly", "text")
        again = library.publish("job-1#1", "Weekly", "text")
        other = library.publish("job-2#1", "Weekly", "text")

    assert (first, again, other) == (1, 1, 2)
