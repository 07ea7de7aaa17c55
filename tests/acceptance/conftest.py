"""Projects that use the server of the test run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gnosari_temporal.server import EmbeddedServer

from .project import Project


@pytest.fixture
def project(tmp_path: Path, server: EmbeddedServer) -> Iterator[Project]:
    """A project without a worker."""
    project = Project.write(tmp_path / "project", server.address)
    yield project
    project.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, server: EmbeddedServer) -> Iterator[Project]:
    """A project whose worker runs, shared by the tests of a module: they start jobs and look at their own."""
    project = Project.write(tmp_path_factory.mktemp("served") / "project", server.address)
    project.start_worker()
    yield project
    project.close()
