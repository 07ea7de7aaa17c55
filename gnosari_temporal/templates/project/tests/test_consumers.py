"""The project's consumers: most tests need no server, the last one starts a real one by itself."""

import pytest
from pydantic import ValidationError

from activities import ACTIVITIES
from activities.example import ExampleConsumer
from activities.library import ReportLibrary
from activities.my_feature import MyFeatureConsumer
from activities.report import PublishReportConsumer
from gnosari_temporal import Application
from gnosari_temporal.testing import run_consumer
from workflows import WORKFLOWS, ExampleMessage, MyFeatureMessage
from workflows.report import PublishReportMessage


def test_a_message_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValidationError, match="task_type must be one of"):
        MyFeatureMessage.create("u1", "destroy")


async def test_a_consumer_is_called_like_any_other_code() -> None:
    message = MyFeatureMessage.create("test_user", "process", {"input_data": "test", "seconds": 0})

    result = await MyFeatureConsumer().process(message)

    assert result["user_id"] == "test_user"
    assert result["result"]["processed"] is True


def test_a_failure_is_retried_after_2_4_and_8_seconds() -> None:
    # run_consumer does what a worker does, hooks and retries included, and skips the waits
    run = run_consumer(ExampleConsumer, ExampleMessage.create("u1", "fail", {"reason": "rain"}))

    assert (run.succeeded, run.attempts, str(run.error)) == (False, 4, "rain")
    assert [delay.total_seconds() for delay in run.delays] == [2, 4, 8]


def test_a_value_error_is_not_retried() -> None:
    run = run_consumer(MyFeatureConsumer, MyFeatureMessage.create("u1", "analyze", {"seconds": "soon"}))

    assert run.attempts == 1
    assert run.hooks == ["on_failure", "should_retry"]


def test_a_shared_resource_is_given_by_its_name(tmp_path) -> None:
    with ReportLibrary(tmp_path / "library.db") as library:
        message = PublishReportMessage(title="Weekly", text="All is well.")

        run = run_consumer(PublishReportConsumer, message, resources={"library": library})

    assert run.result == {"number": 1, "library": str(tmp_path / "library.db")}


async def test_the_application_runs_on_a_real_server(gnosari_client, gnosari_worker) -> None:
    # the fixtures come with the package: a Temporal server in memory, one for the test run, and a worker on it
    await gnosari_worker(Application.build(workflows=WORKFLOWS, consumers=ACTIVITIES))

    result = await gnosari_client.send_and_wait(ExampleMessage.create("u1", "greet"), wait=30)

    assert result == {"user_id": "u1", "greeting": "Hello, u1!"}
