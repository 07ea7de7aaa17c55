"""What the command logs, and what it leaves out."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from gnosari_temporal.cli import logs

SDK_FAILURE = {"__temporal_error_identifier": "ActivityFailure"}
STUCK = {"__temporal_error_identifier": "WorkflowTaskFailure"}


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs._CHATTY}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, chatty_level in levels.items():
        logging.getLogger(name).setLevel(chatty_level)


def fail(logger: str, extra: dict[str, str]) -> None:
    try:
        raise ValueError("asked to fail")
    except ValueError:
        logging.getLogger(logger).warning("Completing activity as failed", exc_info=True, extra=extra)


def test_the_sdks_own_record_of_a_failed_attempt_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")

    fail("temporalio.activity", SDK_FAILURE)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("level", "debug"), [("debug", False), ("info", True)])
def test_with_debug_it_is_shown_with_its_trace(capsys: pytest.CaptureFixture[str], level: str, debug: bool) -> None:
    logs.set_up(level, debug=debug)

    fail("temporalio.activity", SDK_FAILURE)

    assert "Traceback" in capsys.readouterr().err


def test_a_failed_workflow_task_is_one_line_that_names_the_exception(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")

    fail("temporalio.worker._workflow_instance", STUCK)
    logging.getLogger("temporalio.core").warning("Failing workflow task run_id=…")

    logged = capsys.readouterr().err
    assert logged.count("\n") == 1
    assert logged.endswith("Completing activity as failed: ValueError: asked to fail\n")


def test_what_an_activity_or_workflow_logs_itself_is_kept_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")

    fail("shop.orders", {})

    assert "Traceback" in capsys.readouterr().err


def test_a_line_of_a_job_names_the_job_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")
    of_job = logging.LoggerAdapter(logging.getLogger("gnosari_temporal.consumer"), {"job": "A/1", "attempt": 2})

    of_job.info("paid")
    of_job.info("A/1 attempt 2 succeeded")

    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("gnosari_temporal.consumer: paid [job A/1, attempt 2]")
    assert second.endswith("gnosari_temporal.consumer: A/1 attempt 2 succeeded")


def test_libraries_that_log_every_request_are_heard_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")

    logging.getLogger("httpx").info("HTTP Request: POST")
    logging.getLogger("httpx").warning("slow")
    logging.getLogger("shop").info("open")

    assert [line.split(": ", 1)[1] for line in capsys.readouterr().err.splitlines()] == ["slow", "open"]
