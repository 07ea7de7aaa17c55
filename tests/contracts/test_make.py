"""`make` and the scripts under it: what a newcomer meets first."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FIND_PYTHON = REPOSITORY / ".ci" / "find-python"

HABITS = {"help", "venv", "demo", "test", "soak", "lint", "types", "bench", "replay-record", "constraints"}


def find_python(**environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(FIND_PYTHON)], env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


def fake_python(folder: Path, condition: str) -> Path:
    """A python that fails for code that holds a word, and otherwise is the one that runs the tests."""
    path = folder / "python3.11"
    path.write_text(f'#!/bin/sh\ncase "$*" in *{condition}*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_the_habits_of_the_house() -> None:
    ran = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert set(re.findall(r"^  make ([a-z-]+)", ran.stdout, re.MULTILINE)) >= HABITS


def test_a_python_with_its_venv_module_is_found() -> None:
    ran = find_python(PYTHON=sys.executable)

    assert ran.returncode == 0
    assert ran.stdout.strip() == sys.executable


def test_a_missing_venv_module_is_one_line_that_names_the_package(tmp_path: Path) -> None:
    ran = find_python(PYTHON=str(fake_python(tmp_path, "ensurepip")))

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1
    assert "python3-venv" in ran.stderr


def test_an_old_python_is_one_line_that_says_which_is_needed(tmp_path: Path) -> None:
    ran = find_python(PYTHON=str(fake_python(tmp_path, "version_info")))

    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "Python 3.11 or newer" in ran.stderr


def test_no_python_at_all_is_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    # given a PATH with a shell and nothing else
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "bash").symlink_to(bash)

    # when
    ran = find_python(PYTHON="", PATH=str(tmp_path))

    # then
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "python3.11-venv" in ran.stderr


def test_an_older_python_in_front_does_not_hide_a_newer_one(tmp_path: Path) -> None:
    # given
    fake_python(tmp_path, "version_info")

    # when
    ran = find_python(PYTHON="", PATH=f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.defpath}")

    # then
    assert ran.returncode == 0, ran.stderr
    assert not ran.stdout.startswith(str(tmp_path))


def test_ci_runs_what_make_runs() -> None:
    text = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")

    assert re.findall(r"^step (\w+)", text, re.MULTILINE) == ["venv", "lint", "types", "test"]
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
