"""An app on the real server, and a worker for its tasks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from gnosari_temporal import blocking
from gnosari_temporal.celery import Celery
from gnosari_temporal.testing import LocalServer, WorkerThread
from gnosari_temporal.worker import Application

StartWorker = Callable[[], WorkerThread]


@pytest.fixture
def app(server: LocalServer) -> Iterator[Celery]:
    """An app with a queue of its own."""
    blocking.configure(server.settings())
    app = Celery(f"app{uuid.uuid4().hex[:8]}")
    app.conf.task_default_queue = f"q-{uuid.uuid4().hex[:12]}"
    yield app
    blocking.configure()


@pytest.fixture
def start_worker(server: LocalServer, app: Celery) -> Iterator[StartWorker]:
    """Starts a worker for the tasks that the app has now."""
    with ExitStack() as stack:

        def start() -> WorkerThread:
            queue = str(app.conf.task_default_queue)
            settings = server.settings(concurrency=4, default_queue=queue, grace=1)
            return stack.enter_context(WorkerThread(settings, Application.build(settings, consumers=[app])))

        yield start
