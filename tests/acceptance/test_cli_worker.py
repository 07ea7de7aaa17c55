"""`gnosari worker` as a user runs it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from gnosari_temporal import JobState
from gnosari_temporal.server import EmbeddedServer, ServerOptions, free_port

from .project import ExampleMessage, Project, ReportMessage, SlowMessage, poll

GREET = ("send", "ExampleMessage", '{"user_id":"u1"}', "--wait", "--timeout", "30s")


def test_start_says_on_stderr_what_it_serves(project: Project, server: EmbeddedServer) -> None:
    worker = project.start_worker("-c", "4", "--express", "3", "-q", f"{project.queue},{project.feature_queue}=2")

    said = worker.stderr
    assert f"{server.address}, namespace default" in said
    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith("  ")}
    assert f"{project.queue}, {project.feature_queue}" in lines["queues"]
    for pool in (f"{project.queue} (4)", f"{project.queue}.express (3)", f"{project.feature_queue} (2)"):
        assert pool in said
    assert "ReportMessage" in lines["workflows"]
    assert "ExampleConsumer (ExampleMessage)" in lines["consumers"]
    assert worker.stop() == 0


def test_variables_of_the_celery_version_without_effect_are_named_once_each(project: Project) -> None:
    worker = project.start_worker(CELERY_BROKER_URL="redis://secret@redis", FLOWER_PORT="5555", LOG_LEVEL="WARNING")

    assert "CELERY_BROKER_URL is set and has no effect: use TEMPORAL_ADDRESS" in worker.stderr
    assert "FLOWER_PORT is set and has no effect: use the Temporal Web UI" in worker.stderr
    assert "secret" not in worker.stderr
    assert worker.stop() == 0


def test_results_are_logged_one_line_an_attempt_and_nothing_of_the_sdk(project: Project) -> None:
    worker = project.start_worker()

    job = project.send(ExampleMessage(message_id="f", user_id="u1", action="fail"))
    project.wait_for(job, JobState.FAILED)
    worker.stop()

    attempts = [line for line in worker.stderr.splitlines() if "ExampleMessage/f" in line]
    assert len(attempts) == 2
    assert "attempt 1" in attempts[0]
    assert "ValueError: asked to fail" in attempts[1]
    assert "Traceback" not in worker.stderr
    assert worker.stdout == ""


def test_a_stuck_workflow_is_one_warning_without_a_trace(project: Project) -> None:
    worker = project.start_worker()
    with (project.directory / "workflows" / "__init__.py").open("a") as file:
        file.write(
            "\nclass NewMessage(BaseMessage):\n    x: int = 1\n\nWORKFLOWS = (*WORKFLOWS, workflow_for(NewMessage))\n"
        )
    with (project.directory / "activities" / "__init__.py").open("a") as file:
        file.write(
            "\nfrom workflows import NewMessage\n\nclass NewConsumer(BaseConsumer):\n"
            "    async def process(self, message: NewMessage) -> None: ...\n\nACTIVITIES = (*ACTIVITIES, NewConsumer)\n"
        )

    job = project.run("send", "NewMessage", "{}").stdout.strip()

    project.wait_for(job, JobState.STUCK)
    assert "Workflow class NewMessage is not registered on this worker" in worker.stderr
    assert "Traceback" not in worker.stderr
    doctor = project.run("doctor")
    assert doctor.returncode == 1
    assert f"{job} on {project.queue} is stuck" in doctor.stdout
    project.ask(lambda client: client.job(job).terminate())


def test_without_a_server_it_says_so_once_waits_and_connects_when_one_appears(project: Project, tmp_path: Path) -> None:
    port = free_port()
    project.environ["TEMPORAL_ADDRESS"] = f"127.0.0.1:{port}"
    worker = project.start("worker")
    worker.wait_for("waiting for it")

    with EmbeddedServer(ServerOptions(port=port, headless=True)):
        worker.wait_for("  consumers ")
        assert project.result(project.send(ExampleMessage(user_id="u1"))) == {"greeting": "Hello, u1!"}
        assert worker.stop() == 0

    assert worker.stderr.count(f"no Temporal server at 127.0.0.1:{port}") == 1
    assert "`gnosari up`" in worker.stderr


def test_while_it_waits_for_a_server_a_signal_ends_it(project: Project) -> None:
    project.environ["TEMPORAL_ADDRESS"] = f"127.0.0.1:{free_port()}"
    worker = project.start("worker", "start")
    worker.wait_for("waiting for it")

    worker.signal(signal.SIGINT)

    assert worker.wait() == 0


def test_no_wait_exits_3_where_there_is_no_server(project: Project) -> None:
    ran = project.run("worker", "--no-wait", TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")

    assert ran.returncode == 3
    assert "no Temporal server at" in ran.stderr


def test_a_namespace_that_is_not_there_exits_2_with_what_creates_it(project: Project) -> None:
    ran = project.run("worker", TEMPORAL_NAMESPACE="nowhere")

    assert ran.returncode == 2
    assert "there is no namespace 'nowhere'" in ran.stderr
    assert "temporal operator namespace create nowhere" in ran.stderr


def test_a_project_that_cannot_be_imported_exits_2_with_file_and_line(project: Project) -> None:
    (project.directory / "activities" / "__init__.py").write_text(
        "import workflows\n\nraise RuntimeError('half done')\n"
    )

    ran = project.run("worker")

    assert ran.returncode == 2
    assert "importing activities failed: RuntimeError: half done" in ran.stderr
    assert "activities/__init__.py:3" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_module_stands_beside_or_in_place_of_the_two_folders(project: Project) -> None:
    (project.directory / "workflows").rename(project.directory / "messages")
    (project.directory / "activities").rename(project.directory / "consumers")
    consumers = project.directory / "consumers" / "__init__.py"
    consumers.write_text(consumers.read_text().replace("from workflows import", "from messages import"))

    worker = project.start_worker("--module", "messages", "--module", "consumers")

    assert "ExampleConsumer (ExampleMessage)" in worker.stderr
    assert project.run(*GREET, GNOSARI_MODULES="messages,consumers").returncode == 0


def test_the_first_signal_lets_a_running_job_finish(project: Project, tmp_path: Path) -> None:
    worker = project.start_worker()
    job = project.send(SlowMessage(folder=tmp_path, seconds=2))
    poll((tmp_path / "started").exists, what="the start")

    worker.signal()

    assert worker.wait() == 0
    assert (tmp_path / "finished").exists()
    assert "stopping: running jobs have 30s to finish" in worker.stderr
    project.start_worker()  # the job's last step is its workflow's, which the first worker takes no more
    assert project.result(job) == "finished"


def test_after_the_grace_a_job_is_cancelled_and_another_worker_repeats_it(project: Project, tmp_path: Path) -> None:
    worker = project.start_worker("--grace", "200ms")
    job = project.send(SlowMessage(folder=tmp_path, seconds=3))
    poll((tmp_path / "started").exists, what="the start")

    worker.signal()

    assert worker.wait() == 0
    assert (tmp_path / "cancelled").exists()
    assert not (tmp_path / "finished").exists()
    project.start_worker()
    assert project.result(job) == "finished"


def test_the_second_signal_ends_it_at_once(project: Project, tmp_path: Path) -> None:
    worker = project.start_worker()
    job = project.send(SlowMessage(folder=tmp_path))
    poll((tmp_path / "started").exists, what="the start")

    worker.signal()
    worker.wait_for("stopping")
    worker.signal()

    assert worker.wait(5) == 128 + signal.SIGTERM
    assert not (tmp_path / "cancelled").exists()
    project.ask(lambda client: client.job(job).terminate())


@pytest.mark.soak
def test_a_job_that_ignores_its_cancellation_does_not_hold_the_worker_for_ever(
    project: Project, tmp_path: Path
) -> None:
    worker = project.start_worker("--grace", "100ms")
    job = project.send(SlowMessage(folder=tmp_path, stubborn=True, seconds=90))
    poll((tmp_path / "started").exists, what="the start")

    worker.signal()

    assert worker.wait(30) == 0
    assert "ignore their cancellation" in worker.stderr
    assert not (tmp_path / "finished").exists()
    project.ask(lambda client: client.job(job).terminate())


def test_a_signal_right_after_the_start_ends_it_cleanly(project: Project) -> None:
    worker = project.start("worker")
    worker.wait_for("worker ")

    worker.signal()

    assert worker.wait() == 0


def test_watch_starts_the_worker_anew_when_a_file_changes(project: Project) -> None:
    watching = project.start("worker", "--watch", "--grace", "1s")
    watching.wait_for("  consumers ")
    consumers = project.directory / "activities" / "__init__.py"
    text = consumers.read_text()

    consumers.write_text(text.replace('"Hello"', '"Good day"'))

    poll(lambda: watching.stderr.count("  consumers ") == 2, seconds=30, what="a second worker")
    assert "activities/__init__.py changed" in watching.stderr
    assert project.result(project.send(ExampleMessage(user_id="u1"))) == {"greeting": "Good day, u1!"}

    consumers.write_text("this is no Python\n")
    watching.wait_for("the worker ended with exit code 2")
    consumers.write_text(text)

    poll(lambda: watching.stderr.count("  consumers ") == 3, seconds=30, what="a third worker")
    assert watching.stop() == 0
    assert "  consumers " in watching.stderr


def test_an_approval_outlives_its_worker(project: Project) -> None:
    first = project.start_worker()
    job = project.send(ReportMessage(title="May"))
    project.wait_for(job, JobState.WAITING)
    first.stop()

    assert project.run("job", "approve", job, "--reason", "read it").returncode == 0

    project.start_worker()
    answered = project.result(job)
    assert (answered["approved"], answered["reason"]) == (True, "read it")
