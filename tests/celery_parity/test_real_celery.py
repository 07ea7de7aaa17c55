"""The programs on Celery with Redis: each has the outcome that ``gnosari_temporal.celery`` is held to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .backend import expected, load_programs, run_program

if TYPE_CHECKING:
    from .real_celery import RealCelery

PROGRAMS = load_programs()


@pytest.fixture(scope="module")
def backend() -> Iterator[RealCelery]:
    if shutil.which("redis-server") is None:
        reason = "redis-server is not installed (Debian: apt-get install redis-server)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from .real_celery import RealCelery

    running = RealCelery()
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_has_its_outcome_on_celery(name: str, backend: RealCelery, tmp_path: Path) -> None:
    program = PROGRAMS[name]

    assert run_program(program, backend.tasks[name], tmp_path) == expected(program, backend)


def test_there_are_forty_programs() -> None:
    assert len(PROGRAMS) == 40


def test_a_difference_is_one() -> None:
    same = [name for name, program in PROGRAMS.items() if getattr(program, "HERE", None) == program.EXPECTED]

    assert same == []
