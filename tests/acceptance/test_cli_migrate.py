"""`gnosari migrate` as a user runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .project import GNOSARI, clean_environment

DATA = Path(__file__).parents[1] / "data"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GNOSARI, "migrate", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment({}),
    )


def test_a_code_base_that_does_not_run_exits_1_and_names_file_line_and_remedy() -> None:
    ran = run(DATA / "celery_codebase")

    assert ran.returncode == 1
    assert ran.stderr == ""
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("Does not run (")
    assert "      shop/config.py:17:5  `accept_content`" in lines
    assert "      shop/celery.py:5:20" in ran.stdout
    assert "→ `from gnosari_temporal.celery import Celery`" in ran.stdout
    assert lines[-1].startswith("Of ")
    assert "do not run" in lines[-1]


def test_a_code_base_that_runs_with_changed_imports_exits_0(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from celery import shared_task\n\n@shared_task\ndef add(x, y): ...\n")

    ran = run(tmp_path)

    assert ran.returncode == 0
    assert ran.stdout.splitlines()[0] == "Runs with a changed import (1)"


def test_without_anything_of_celerys_it_says_so_on_stderr_and_exits_0() -> None:
    ran = run(DATA / "plain_codebase")

    assert ran.returncode == 0
    assert ran.stderr.startswith("Nothing of Celery's was found in ")
    assert ran.stdout.startswith("Of 0 constructs in ")


def test_json_is_one_object_for_a_program() -> None:
    ran = run(DATA / "celery_codebase", "--json", "--only", "changed-import")

    data = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert {finding["verdict"] for finding in data["findings"]} == {"changed-import"}
    assert data["summary"]["does-not-run"] > 30
    assert data["runs"] is False


def test_only_and_exclude_narrow_what_is_shown_and_read() -> None:
    only = run(DATA / "celery_codebase", "--only", "as-is")
    excluded = run(DATA / "celery_codebase", "--exclude", "deploy", "--exclude", "*.py", "--exclude", "*.txt")

    assert "Does not run" not in only.stdout
    assert only.returncode == 1
    assert excluded.returncode == 0
    assert "pyproject.toml:5:6" in excluded.stdout


def test_a_path_that_is_not_there_exits_2_with_one_line() -> None:
    ran = run(DATA / "nowhere")

    assert ran.returncode == 2
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1
    assert "no such file or folder; give the folder of the Celery code base" in ran.stderr


def test_wrong_usage_exits_2() -> None:
    assert run().returncode == 2
    assert run(DATA, "--only", "nothing").returncode == 2
