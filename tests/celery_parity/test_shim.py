"""The programs on ``gnosari_temporal.celery``: each has the outcome that it has on Celery, but for the listed ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gnosari_temporal.testing import LocalServer

from .backend import expected, load_programs, run_program
from .shim import Shim

PROGRAMS = load_programs()


@pytest.fixture(scope="module")
def backend(server: LocalServer) -> Iterator[Shim]:
    running = Shim(server)
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_has_its_outcome_here(name: str, backend: Shim, tmp_path: Path) -> None:
    program = PROGRAMS[name]

    assert run_program(program, backend.tasks[name], tmp_path) == expected(program, backend)
