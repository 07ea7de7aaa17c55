"""The programs' run on ``gnosari_temporal.celery``: a real server and a worker in a thread, ended afterwards."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import gnosari_temporal.celery as shim
from gnosari_temporal import blocking
from gnosari_temporal.celery import Celery
from gnosari_temporal.testing import LocalServer, WorkerThread
from gnosari_temporal.worker import Application

from .backend import CONFIGURATION, build_all

for _name in ("exceptions", "result"):
    importlib.import_module(f"{shim.__name__}.{_name}")


class Shim:
    """``gnosari_temporal.celery`` on a server that is given."""

    name = "gnosari_temporal"
    celery: ModuleType = shim
    app: Celery

    def __init__(self, server: LocalServer, concurrency: int = 4) -> None:
        self._settings = server.settings(concurrency=concurrency)
        self._worker: WorkerThread | None = None
        self.tasks: dict[str, Any] = {}

    def start(self) -> None:
        """Starts the worker; returns when it is connected."""
        self.app = Celery("parity")
        self.app.conf.update(CONFIGURATION)
        self.tasks = build_all(self.app, shim)
        blocking.configure(self._settings)
        self._worker = WorkerThread(self._settings, Application.build(self._settings, consumers=[self.app]))
        self._worker.start()

    def stop(self) -> None:
        """Ends the worker and the connection."""
        if self._worker is not None:
            self._worker.stop()
        blocking.configure()
