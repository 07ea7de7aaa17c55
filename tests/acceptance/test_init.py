"""`gnosari init` as a user runs it, and the project that it writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gnosari_temporal.server import free_port

from .project import GNOSARI, Project, clean_environment, poll


def init(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GNOSARI, "init", *arguments], cwd=cwd, env=clean_environment({}), capture_output=True, text=True, check=False
    )


def test_it_writes_the_two_folders_settings_and_tests(tmp_path: Path) -> None:
    # when
    ran = init(tmp_path, "shop")

    # then
    assert ran.returncode == 0, ran.stderr
    written = ran.stdout.split()
    assert {".env.example", ".gitignore", "README.md", "gnosari.toml", "requirements.txt"} <= set(written)
    assert {"workflows/__init__.py", "activities/__init__.py", "tests/test_consumers.py"} <= set(written)
    assert sorted(written) == sorted(
        path.relative_to(tmp_path / "shop").as_posix() for path in (tmp_path / "shop").rglob("*") if path.is_file()
    )
    assert (tmp_path / "shop" / "README.md").read_text().startswith("# shop\n")


def test_a_directory_with_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    # given
    (tmp_path / "notes.txt").write_text("mine")

    # when
    ran = init(tmp_path, ".")

    # then
    assert ran.returncode == 2
    assert "notes.txt" in ran.stderr
    assert "--force" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    # given
    (tmp_path / "shop").write_text("mine")

    # when
    ran = init(tmp_path, "shop")

    # then
    assert ran.returncode == 2
    assert "is a file" in ran.stderr


def test_a_new_git_repository_counts_as_empty(tmp_path: Path) -> None:
    # given
    (tmp_path / ".git").mkdir()

    # when
    ran = init(tmp_path, ".")

    # then
    assert ran.returncode == 0, ran.stderr


def test_force_adds_what_is_missing_and_changes_no_file(tmp_path: Path) -> None:
    # given
    init(tmp_path, "shop")
    (tmp_path / "shop" / "gnosari.toml").write_text("concurrency = 3\n")
    (tmp_path / "shop" / "workflows" / "example.py").unlink()

    # when
    ran = init(tmp_path, "shop", "--force", "--json")

    # then
    told = json.loads(ran.stdout)
    assert told["created"] == ["workflows/example.py"]
    assert "gnosari.toml" in told["kept"]
    assert (tmp_path / "shop" / "gnosari.toml").read_text() == "concurrency = 3\n"


def test_a_directory_that_cannot_be_written_is_one_line_that_names_it(tmp_path: Path) -> None:
    # given
    (tmp_path / "file").write_text("")

    # when
    ran = init(tmp_path, "file/shop")

    # then
    assert ran.returncode == 2
    assert "file/shop" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that `gnosari init` has written, and `gnosari up` in it."""
    directory = tmp_path_factory.mktemp("running")
    assert init(directory, "fresh").returncode == 0
    port, ui_port = free_port(), free_port()
    environ = clean_environment({"TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "PYTHONPATH": str(directory / "fresh")})
    project = Project(directory / "fresh", environ, "gnosari_queue", "my_feature_queue")
    up = project.start("up", "--ephemeral", "--port", str(port), "--ui-port", str(ui_port))
    up.wait_for("  consumers ", seconds=60)
    yield project
    assert up.stop() == 0
    project.close()


def test_the_project_runs_with_gnosari_up(running: Project) -> None:
    # when
    greeted = running.run("send", "ExampleMessage", '{"user_id": "u1", "action": "greet"}', "--wait")
    report = running.run("send", "ReportMessage", '{"title": "Weekly"}').stdout.strip()
    poll(lambda: "Weekly" in running.run("job", "list", "--status", "waiting").stdout, what="the question")
    approved = running.run("job", "approve", report, "--reason", "fine")
    published = json.loads(running.run("job", "result", report, "--timeout", "30").stdout)

    # then
    assert json.loads(greeted.stdout) == {"user_id": "u1", "greeting": "Hello, u1!"}
    assert approved.returncode == 0, approved.stderr
    assert (published["outcome"], published["number"], published["reason"]) == ("published", 1, "fine")
    assert (running.directory / ".gnosari" / "library.db").is_file()


HELPERS = """
from gnosari_temporal.blocking import job
from workflows import send_my_feature_message, send_my_feature_message_priority

first = send_my_feature_message("u1", "process", {"input_data": "x", "seconds": 0})
second = send_my_feature_message_priority("u1", "analyze", {"seconds": 0}, priority=2)
for message_id in (first, second):
    sent = job(f"MyFeatureMessage/{message_id}")
    print(sent.result(timeout=30)["result"], sent.status().priority, sent.status().queue)
"""


def test_the_seeds_helpers_send_from_a_script_of_the_project(running: Project) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HELPERS],
        cwd=running.directory,
        env=running.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "{'processed': True, 'data': 'x'} 5 my_feature_queue",
        "{'analysis': 'completed', 'parameters': {'seconds': 0}} 2 my_feature_queue",
    ]


def test_the_projects_own_tests_pass(tmp_path: Path) -> None:
    # given
    assert init(tmp_path, "fresh").returncode == 0

    # when
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "fresh",
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    # then
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\d+ passed", ran.stdout)
