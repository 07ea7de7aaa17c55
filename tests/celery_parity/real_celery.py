"""The programs' run on Celery itself: a Redis of its own and one worker process, both ended afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import celery
import celery.exceptions
import celery.result

from .backend import CONFIGURATION, build_all

REDIS_SERVER = shutil.which("redis-server")
_STARTED_IN = 30
"""Seconds that server and worker have to come up."""


def make_app(port: int) -> celery.Celery:
    """An app on the Redis at this port of 127.0.0.1, without tasks."""
    url = f"redis://127.0.0.1:{port}"
    app = celery.Celery("parity", broker=f"{url}/0", backend=f"{url}/1")
    app.conf.update(
        CONFIGURATION,
        broker_connection_retry_on_startup=True,
        result_chord_retry_interval=0.1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    return app


class RealCelery:
    """Celery with Redis: acknowledges late, prefetches one call per process, like the Gnosari document's set-up."""

    name = "celery"
    celery: ModuleType = celery
    app: celery.Celery

    def __init__(self, concurrency: int = 4) -> None:
        self._concurrency = concurrency
        self._folder = Path(tempfile.mkdtemp(prefix="celery-parity-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        self.tasks: dict[str, Any] = {}

    def start(self) -> None:
        """Starts Redis and the worker; returns when the worker answers. Raises ``RuntimeError`` with its log if not."""
        port = _free_port()
        try:
            self._start_redis(port)
            self.app = make_app(port)
            self.tasks = build_all(self.app, celery)
            self._start_worker(port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the worker, then Redis, and removes their files."""
        if hasattr(self, "app"):
            self.app.close()
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start_redis(self, port: int) -> None:
        assert REDIS_SERVER is not None
        options = {"port": str(port), "bind": "127.0.0.1", "dir": str(self._folder), "save": "", "appendonly": "no"}
        command = [REDIS_SERVER, *(word for name, value in options.items() for word in (f"--{name}", value))]
        self._run(command, "redis")
        self._wait_for(lambda: _answers(port), "redis")

    def _start_worker(self, port: int) -> None:
        module = f"{__package__}.worker"
        root = Path(__file__).parents[__package__.count(".") + 1]
        command = [sys.executable, "-m", "celery", "-A", module, "worker", "--concurrency", str(self._concurrency)]
        command += ["--loglevel", "INFO", "--without-gossip", "--without-mingle", "-n", f"parity-{port}@%h"]
        path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PARITY_REDIS_PORT": str(port), "PYTHONPATH": path}
        self._run(command, "worker", cwd=self._folder, env=environment)
        self._wait_for(lambda: b" ready." in (self._folder / "worker.log").read_bytes(), "worker")

    def _run(self, command: list[str], name: str, **options: Any) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options))

    def _wait_for(self, ready: Any, name: str) -> None:
        deadline = time.monotonic() + _STARTED_IN
        process = self._processes[-1]
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                log = (self._folder / f"{name}.log").read_text(errors="replace")
                raise RuntimeError(f"{name} did not come up in {_STARTED_IN} s:\n{log[-4000:]}")
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False
