"""Processes that a benchmark starts: workers, Redis and the stock development server, ended by their ids."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from gnosari_temporal.server import EmbeddedServer, ServerOptions, free_port
from gnosari_temporal.server.binary import find_binary
from gnosari_temporal.server.tuning import SQLITE_PRAGMAS, dynamic_config

ROOT = Path(__file__).resolve().parents[1]
_UP_WITHIN = 30.0
_STOPPED_WITHIN = 10.0


class NotInstalled(Exception):
    """What an alternative needs is missing; the text says what, and how to get it."""


class Process:
    """A program in a session of its own, with its output in a file: an async context manager that ends it."""

    def __init__(self, command: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> None:
        self._command = [str(word) for word in command]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._environ = {**os.environ, "PYTHONPATH": path, **(environ or {})}
        self._folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        """When it was started, on the machine's monotonic clock."""

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._stop)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process is None or self._process.poll() is not None

    def log(self) -> str:
        """The last lines of its output."""
        return "\n".join((self._folder / "log").read_text(errors="replace").splitlines()[-15:])

    def megabytes(self) -> float:
        """Its memory and that of its children, pages that they share counted once (where the system tells)."""
        total = 0
        process = psutil.Process(self.pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                full = one.memory_full_info()
                total += getattr(full, "pss", full.rss)
        return total / 1e6

    def kill(self) -> None:
        """SIGKILL to it and its children, as ``kill -9`` of them all."""
        self._signal(signal.SIGKILL)

    def _start(self) -> None:
        with (self._folder / "log").open("wb") as log:
            self.started = time.monotonic()
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _stop(self) -> None:
        if self._process is None:
            return
        if not self.ended:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOPPED_WITHIN)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


async def _until_it_answers(process: Process, answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _UP_WITHIN
    while not await asyncio.to_thread(answers):
        if process.ended or time.monotonic() > deadline:
            raise RuntimeError(f"it did not come up:\n{process.log()}")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def redis() -> AsyncIterator[str]:
    """A Redis server in memory on a free port; its address, ``redis://host:port``.

    Raises:
        NotInstalled: there is no ``redis-server``.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise NotInstalled("redis-server is not installed (Debian: apt-get install redis-server)")
    port = free_port()

    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    async with Process(command) as process:
        await _until_it_answers(process, answers)
        yield f"redis://127.0.0.1:{port}"


@asynccontextmanager
async def stock_server() -> AsyncIterator[str]:
    """``temporal server start-dev`` with nothing but ports of its own; its address."""
    port, ui, http = free_port(), free_port(), free_port()

    def answers() -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(
                f"http://127.0.0.1:{http}/api/v1/namespaces/default/workflows?pageSize=1", timeout=1
            ) as answer,
        ):
            return bool(answer.status == 200)
        return False

    command = [
        find_binary(),
        "server",
        "start-dev",
        "--port",
        str(port),
        "--ui-port",
        str(ui),
        "--http-port",
        str(http),
    ]
    async with Process(command) as process:
        await _until_it_answers(process, answers)
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def our_server(
    *,
    file: bool = False,
    config: Mapping[str, int | bool | str] | None = None,
    pragmas: Mapping[str, str] | None = None,
    headless: bool = False,
) -> AsyncIterator[EmbeddedServer]:
    """The embedded server, in memory or with a database file, by default with its Web UI.

    ``config`` is dynamic configuration in place of the engine's, ``pragmas`` are the file's.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        options = ServerOptions(
            port=0,
            db=Path(folder) / "temporal.db" if file else None,
            headless=headless,
            dynamic_config=dynamic_config() if config is None else config,
            sqlite_pragmas=SQLITE_PRAGMAS if pragmas is None else pragmas,
        )
        async with EmbeddedServer(options) as server:
            yield server


def python(*arguments: str) -> list[str]:
    """A command of this Python."""
    return [sys.executable, *arguments]
