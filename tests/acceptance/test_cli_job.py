"""`gnosari job` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from gnosari_temporal import JobState

from .project import ExampleMessage, Project, ReportMessage, SlowMessage, poll


def test_list_shows_jobs_newest_first_by_status_and_type(served: Project) -> None:
    ended = [
        served.send(ExampleMessage(message_id="listed-first", user_id="u1")),
        served.send(ExampleMessage(message_id="listed-second", user_id="u1", action="fail")),
    ]
    poll(lambda: all(served.status(job).state.ended for job in ended), what="the end of both")

    def listed(*arguments: str) -> list[str]:
        ran = served.run("job", "list", *arguments, "--json")
        assert ran.returncode == 0
        found = [job["id"] for job in json.loads(ran.stdout)]
        return [job for job in found if "listed" in job]

    poll(lambda: len(listed("--type", "ExampleMessage")) == 2, what="both jobs in the list")
    assert listed("--status", "SUCCEEDED") == ["ExampleMessage/listed-first"]
    table = served.run("job", "list", "--status", "failed").stdout.splitlines()
    assert table[0].split()[:4] == ["JOB", "STATE", "QUEUE", "PRIORITY"]
    row = next(line for line in table if line.startswith("ExampleMessage/listed-second "))
    assert row.split()[1:3] == ["FAILED", served.queue]
    assert row.endswith("ValueError: asked to fail")
    about = json.loads(served.run("job", "show", "ExampleMessage/listed-first", "--json").stdout)["summary"]
    succeeded = served.run("job", "list", "--status", "succeeded").stdout.splitlines()
    assert "u1" in about
    assert any(line.startswith("ExampleMessage/listed-first ") and line.endswith(about) for line in succeeded)
    assert "\x1b" not in "".join(table)


def test_a_status_that_is_none_exits_2_and_names_them(served: Project) -> None:
    ran = served.run("job", "list", "--status", "finished")

    assert ran.returncode == 2
    assert "'finished' is not one of 'scheduled', 'queued'" in ran.stderr


def test_a_job_that_is_not_there_exits_4(served: Project) -> None:
    for arguments in (("show", "nowhere"), ("result", "A/nowhere"), ("cancel", "A/nowhere"), ("approve", "A/nowhere")):
        ran = served.run("job", *arguments)

        assert ran.returncode == 4, arguments
        assert f"no job {arguments[1]} on the server" in ran.stderr
        assert ("a job's id is TYPE/MESSAGE_ID" in ran.stderr) == (arguments[1] == "nowhere")


def test_cancel_reaches_process_and_the_result_says_so(served: Project, tmp_path: Path) -> None:
    job = served.send(SlowMessage(folder=tmp_path))
    poll((tmp_path / "started").exists, what="the start")

    cancelled = served.run("job", "cancel", job)

    assert cancelled.returncode == 0
    poll((tmp_path / "cancelled").exists, what="the cancellation in process")
    result = served.run("job", "result", job)
    assert result.returncode == 1
    assert f"job {job} was cancelled" in result.stderr


def test_a_job_that_is_over_cannot_be_cancelled(served: Project) -> None:
    job = served.send(ExampleMessage(user_id="u1"))
    served.result(job)

    ran = served.run("job", "cancel", job)

    assert ran.returncode == 4
    assert "is over already" in ran.stderr


def test_an_answer_reaches_the_waiting_job_with_reason_and_name(served: Project) -> None:
    yes = served.send(ReportMessage(title="May"))
    no = served.send(ReportMessage(title="June"))
    for job in (yes, no):
        served.wait_for(job, JobState.WAITING)

    def waiting() -> set[str]:
        return {job["id"] for job in json.loads(served.run("job", "list", "--status", "waiting", "--json").stdout)}

    poll(lambda: {yes, no} <= waiting(), what="both jobs waiting")
    shown = served.run("job", "show", yes).stdout
    assert "WAITING" in shown
    assert "approval: publish May?" in shown
    assert served.run("job", "approve", yes, "--by", "ada").returncode == 0
    assert served.run("job", "reject", no, "--reason", "too early").returncode == 0
    assert json.loads(served.run("job", "result", yes).stdout) == {"approved": True, "reason": None, "by": "ada"}
    rejected = served.result(no)
    assert (rejected["approved"], rejected["reason"]) == (False, "too early")
    late = served.run("job", "approve", yes)
    assert late.returncode == 2
    assert "does not wait for an answer: it is SUCCEEDED" in late.stderr


def test_show_links_to_the_web_ui_where_its_address_is_set(served: Project) -> None:
    job = served.send(ExampleMessage(message_id="linked", user_id="u1"))

    shown = served.run("job", "show", job, GNOSARI_UI_ADDRESS="http://127.0.0.1:8233/")

    assert "http://127.0.0.1:8233/namespaces/default/workflows/ExampleMessage%2Flinked/" in shown.stdout
