"""`gnosari worker` with the code of a Celery project, whose import is all that was changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gnosari_temporal.server import EmbeddedServer

from .project import Project

APP = """
from gnosari_temporal.celery import Celery

app = Celery("proj", broker="redis://localhost", include=["proj.more"])
app.conf.update(task_default_queue="QUEUE", task_routes={"proj.tasks.slow*": {"queue": "QUEUE-slow"}})
app.autodiscover_tasks(["proj"])
"""
TASKS = """
from gnosari_temporal.celery import shared_task

from .celery import app


@app.task
def add(x, y):
    return x + y


@shared_task(bind=True)
def slow_who(self):
    return [self.name, self.request.delivery_info["routing_key"]]
"""
MORE = """
from .celery import app


@app.task
async def double(x):
    return 2 * x
"""
ACTIVITY = """
from proj.celery import app


@app.task(name="in.activities")
def found():
    return "found"


ACTIVITIES = (found,)
"""
SENDER = """
from proj.celery import app
from proj.more import double
from proj.tasks import add, slow_who
from gnosari_temporal.celery import chord

print((add.s(1, 2) | double.s()).delay().get(timeout=30))
print(slow_who.delay().get(timeout=30))
print(app.send_task("in.activities").get(timeout=30))
print(chord([add.s(1, 1), double.s(4)])(add.si(5, 5)).get(timeout=30))
"""


def write(directory: Path, queue: str) -> None:
    (directory / "proj").mkdir(parents=True)
    files = {"__init__.py": "", "celery.py": APP.replace("QUEUE", queue), "tasks.py": TASKS, "more.py": MORE}
    for name, text in files.items():
        (directory / "proj" / name).write_text(text)
    (directory / "send.py").write_text(SENDER)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: EmbeddedServer) -> Iterator[Project]:
    project = Project.write(tmp_path_factory.mktemp("celery") / "project", server.address)
    write(project.directory, project.queue)
    (project.directory / "activities" / "__init__.py").write_text(ACTIVITY)
    (project.directory / "workflows" / "__init__.py").write_text("WORKFLOWS = ()\n")
    project.start_worker("--module", "proj.celery")
    yield project
    project.close()


def test_a_program_of_the_project_sends_and_gets(project: Project) -> None:
    ended = subprocess.run(
        [sys.executable, "send.py"], cwd=project.directory, env=project.environ, capture_output=True, text=True
    )

    assert (ended.stderr, ended.stdout.splitlines()) == (
        "",
        ["6", f"['proj.tasks.slow_who', '{project.queue}-slow']", "found", "10"],
    )


def test_a_task_is_called_from_the_command_line_by_its_name(project: Project) -> None:
    arguments = ("proj.tasks.add", '{"args": [1, 2], "message_id": "cli"}', "--wait")

    sent = project.run("send", *arguments, GNOSARI_MODULES="proj.celery")

    assert (sent.stdout.strip(), sent.returncode) == ("3", 0), sent.stderr
    shown = project.run("job", "show", "task/cli")
    assert "proj.tasks.add" in shown.stdout
    assert "add(1, 2)" in shown.stdout
