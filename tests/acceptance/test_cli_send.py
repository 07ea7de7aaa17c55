"""`gnosari send` as a user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gnosari_temporal import JobExpired, JobState
from gnosari_temporal.server import free_port

from .project import Project, poll

GREET = '{"user_id": "u1"}'


def test_wait_prints_the_result_as_json_alone_on_stdout(served: Project) -> None:
    ran = served.run("send", "ExampleMessage", GREET, "--wait", "--timeout", "30s")

    assert ran.returncode == 0
    assert json.loads(ran.stdout) == {"greeting": "Hello, u1!"}


def test_without_wait_the_id_alone_is_printed(served: Project) -> None:
    ran = served.run("send", "MyFeatureMessage", "-", "--priority", "2", input='{"user_id":"u2","task_type":"analyze"}')

    assert ran.returncode == 0
    assert re.fullmatch(r"MyFeatureMessage/[0-9a-f-]{36}\n", ran.stdout)
    assert served.result(ran.stdout.strip()) == {"user_id": "u2", "done": "analyze"}
    status = served.status(ran.stdout.strip())
    assert (status.state, status.queue, status.priority) == ("SUCCEEDED", served.feature_queue, 2)


def test_a_job_that_fails_exits_1_with_the_consumers_error_in_one_line(served: Project) -> None:
    ran = served.run("send", "ExampleMessage", '{"user_id":"u1","action":"fail"}', "--wait")

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.splitlines()[-1].endswith("failed after 2 attempts: ValueError: asked to fail")
    assert "Traceback" not in ran.stderr


def test_the_trace_is_shown_with_debug_before_or_after_the_command(served: Project, tmp_path: Path) -> None:
    before = served.run("--debug", "--project", str(tmp_path / "no"), "send", "ExampleMessage", GREET)
    after = served.run("send", "ExampleMessage", GREET, "--debug", "--project", str(tmp_path / "no"))

    for ran in (before, after):
        assert ran.returncode == 2
        assert "Traceback" in ran.stderr
        assert "SettingsError" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ExampleMesage", GREET], "unknown message type 'ExampleMesage': did you mean 'ExampleMessage'?"),
        (["ExampleMessage", "{user_id: u1}"], "'{user_id: u1}' is no JSON"),
        (["ExampleMessage", "[1]"], "'[1]' is no JSON object"),
        (["ExampleMessage", '{"user_id":"u1","acton":"greet"}'], "unknown field 'acton': did you mean 'action'?"),
        (
            ["ExampleMessage", '{"user_id":"u1","action":"sing"}'],
            "action: Input should be 'greet' or 'fail' (got 'sing')",
        ),
        (["ExampleMessage", "{}"], "user_id: is required"),
        (["ExampleMessage", GREET, "--priority", "11"], "11 is not in the range 1<=x<=10"),
        (["ExampleMessage", GREET, "--delay", "soon"], "'soon' is no duration"),
        (["ExampleMessage", GREET, "--at", "tomorrow"], "'tomorrow' is no time"),
        (["ExampleMessage", GREET, "--expires", "never"], "'never' is neither a duration"),
        (["ExampleMessage", GREET, "--timeout", "3s"], "give --wait too"),
        (["ExampleMessage", GREET, "--delay", "1s", "--at", "2030-01-01"], "exclude each other"),
        (["ExampleMessage", GREET, "--delay", "9s", "--expires", "1s"], "the job could never run"),
    ],
)
def test_bad_input_exits_2_with_one_line_that_names_value_and_remedy(
    served: Project, arguments: list[str], said: str
) -> None:
    ran = served.run("send", *arguments)

    errors = [line for line in ran.stderr.splitlines() if line.startswith("Error:")]
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert len(errors) == 1
    assert said in errors[0]
    assert "Traceback" not in ran.stderr


def test_a_server_that_is_not_there_exits_3_and_says_what_starts_one(served: Project) -> None:
    address = f"127.0.0.1:{free_port()}"

    ran = served.run("send", "ExampleMessage", GREET, TEMPORAL_ADDRESS=address)

    assert ran.returncode == 3
    assert f"no Temporal server at {address}" in ran.stderr
    assert "`gnosari up`" in ran.stderr


def test_a_wait_that_is_too_short_exits_4_and_the_job_goes_on(served: Project, tmp_path: Path) -> None:
    slow = json.dumps({"folder": str(tmp_path), "seconds": 2})

    ran = served.run("send", "SlowMessage", slow, "--wait", "--timeout", "500ms")

    assert ran.returncode == 4
    assert "not finished after 500ms; it goes on" in ran.stderr
    poll((tmp_path / "finished").exists, what="the job's end")


def test_ctrl_c_ends_the_wait_with_130_and_the_job_goes_on(served: Project, tmp_path: Path) -> None:
    waiting = served.start("send", "SlowMessage", json.dumps({"folder": str(tmp_path), "seconds": 2}), "--wait")
    poll((tmp_path / "started").exists, what="the start")

    waiting.signal(signal.SIGINT)

    assert waiting.wait() == 130
    assert "Traceback" not in waiting.stderr
    poll((tmp_path / "finished").exists, what="the job's end")


def test_the_same_id_twice_is_one_job_and_other_content_under_it_an_error(served: Project) -> None:
    first = served.run("send", "ExampleMessage", GREET, "--id", "twice", "--wait")
    run_id = served.status("ExampleMessage/twice").run_id
    second = served.run("send", "ExampleMessage", GREET, "--id", "twice")
    other = served.run("send", "ExampleMessage", '{"user_id":"u2"}', "--id", "twice")

    assert (first.returncode, second.returncode) == (0, 0)
    assert second.stdout == "ExampleMessage/twice\n"
    assert served.status("ExampleMessage/twice").run_id == run_id
    assert other.returncode == 2
    assert "message id 'twice' was used for other content" in other.stderr


def test_a_delayed_job_starts_when_it_is_due(served: Project) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    began = time.monotonic()

    ran = served.run("send", "ExampleMessage", GREET, "--delay", "2s", "--wait")
    later = served.run("send", "ExampleMessage", GREET, "--at", due.isoformat()).stdout.strip()

    assert ran.returncode == 0
    assert time.monotonic() - began > 2
    status = served.status(later)
    assert status.state is JobState.SCHEDULED
    assert status.starts_at is not None
    assert abs(status.starts_at - due) < timedelta(seconds=1)


def test_a_job_that_expires_before_a_worker_takes_it_never_runs(project: Project, tmp_path: Path) -> None:
    slow = json.dumps({"folder": str(tmp_path), "seconds": 1})
    job = project.run("send", "SlowMessage", slow, "--expires", "1s").stdout.strip()
    project.wait_for(job, JobState.EXPIRED)

    project.start_worker()

    with pytest.raises(JobExpired, match="not started before its expiry"):
        project.result(job)
    assert not (tmp_path / "started").exists()


def test_a_directory_without_a_project_is_one_line_that_says_how_to_get_one(served: Project, tmp_path: Path) -> None:
    ran = served.run("--project", str(tmp_path), "send", "ExampleMessage", GREET)
    missing = served.run("send", "ExampleMessage", GREET, GNOSARI_PROJECT=str(tmp_path / "no-such"))

    assert ran.returncode == missing.returncode == 2
    assert "gnosari init DIR" in ran.stderr
    assert "(from GNOSARI_PROJECT)" in missing.stderr


def test_the_dotenv_file_of_the_project_is_read_and_never_wins_over_a_set_variable(
    project: Project, server: object
) -> None:
    address = project.environ.pop("TEMPORAL_ADDRESS")
    (project.directory / ".env").write_text(f"TEMPORAL_ADDRESS={address}\n")

    read = project.run("send", "ExampleMessage", GREET)
    overridden = project.run("send", "ExampleMessage", GREET, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")

    assert read.returncode == 0
    assert overridden.returncode == 3


def _failures_of_runs_in_turn(served: Project, times: int) -> list[str]:
    ran = [served.run("send", "ExampleMessage", GREET) for _ in range(times)]
    return [f"exit code {one.returncode}: {one.stderr}" for one in ran if one.returncode]


def test_twenty_short_runs_all_exit_0(served: Project) -> None:
    with ThreadPoolExecutor(2) as pool:
        failures = [part for parts in pool.map(_failures_of_runs_in_turn, [served] * 2, [10] * 2) for part in parts]

    assert failures == []


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_hundred_short_runs_all_exit_0(served: Project) -> None:
    assert _failures_of_runs_in_turn(served, 200) == []


def test_python_dash_m_is_the_same_command(served: Project) -> None:
    import subprocess

    ran = subprocess.run(
        [sys.executable, "-m", "gnosari_temporal.cli", "job", "show", "NoSuch/job"],
        env=served.environ | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        cwd=served.directory,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 4
    assert "no job NoSuch/job on the server" in ran.stderr
