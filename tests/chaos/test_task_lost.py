"""Calls of tasks whose worker is killed while it runs them."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chaos.celery_fragile import make_app

from gnosari_temporal import blocking
from gnosari_temporal.celery import Celery
from gnosari_temporal.celery.exceptions import WorkerLostError
from gnosari_temporal.testing import LocalServer

WAIT = 40


@pytest.fixture
def start(server: LocalServer) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a worker process for a queue; returns when it works."""
    running: list[subprocess.Popen[str]] = []

    def start(queue: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).with_name("celery_fragile.py")), server.address, queue]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        assert running[-1].stdout is not None
        assert running[-1].stdout.readline() == "ready\n"
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def app(server: LocalServer) -> Iterator[Celery]:
    blocking.configure(server.settings())
    yield make_app(f"q-{uuid.uuid4().hex[:12]}")
    blocking.configure()


@pytest.mark.parametrize("expires", [600, pytest.param(None, marks=pytest.mark.soak)])
def test_a_lost_call_runs_again_unless_it_was_acknowledged_early(
    app: Celery, start: Callable[[str], subprocess.Popen[str]], tmp_path: Path, expires: int | None
) -> None:
    # given two calls that run
    folders = {name: tmp_path / name for name in ("late", "early")}
    for folder in folders.values():
        folder.mkdir()
    worker = start(app.conf.task_default_queue)
    late, early = (
        app.tasks[f"fragile.{name}"].apply_async(
            (str(folder),), expires=expires, link_error=app.tasks["fragile.told"].s(str(folder))
        )
        for name, folder in folders.items()
    )
    deadline = time.monotonic() + WAIT
    while not all((folder / "start1").exists() for folder in folders.values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    # when their worker is killed
    worker.kill()
    start(app.conf.task_default_queue)

    # then
    assert late.get(timeout=WAIT) == 2
    with pytest.raises(WorkerLostError):
        early.get(timeout=WAIT)
    assert early.state == "FAILURE"
    assert early.children[0].get(timeout=WAIT) is None
    assert sorted(path.name for path in folders["early"].iterdir()) == ["start1", "told WorkerLostError"]
