"""The watched worker: a worker in a process of its own, started anew when a file of the project changes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change, DefaultFilter, awatch

from ..worker.signals import StopSignals
from . import output
from .exits import ExitCode

if TYPE_CHECKING:
    from .invocation import Invocation
    from .serving import WorkerOptions

_SUFFIXES = (".py", ".toml", ".yaml", ".yml")
_PATIENCE = 2.0
"""How long the next worker waits for the one before; after it they overlap, and the old one finishes its jobs."""


class ProjectFilter(DefaultFilter):
    """Sources and settings of a project; nothing that a virtual environment, git or a server writes."""

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".gnosari", ".ruff_cache")

    def __call__(self, change: Change, path: str) -> bool:
        """Whether the change counts."""
        name = Path(path).name
        return (name.endswith(_SUFFIXES) or name == ".env") and super().__call__(change, path)


async def run_watched(invocation: Invocation, options: WorkerOptions, *, no_wait: bool) -> int:
    """``gnosari worker --watch``: until the first signal."""
    watched = WatchedWorker(invocation, options, no_wait=no_wait)
    with StopSignals(at_once=watched.kill) as signals:
        await watched.run(signals.requested)
    return ExitCode.OK


class WatchedWorker:
    """Starts workers one after another; each runs code as it was when it started."""

    def __init__(self, invocation: Invocation, options: WorkerOptions, *, no_wait: bool = False) -> None:
        self._directory = invocation.project_dir
        waits = ["--no-wait"] if no_wait else []
        self._command = invocation.command("worker", "start", "--attached", *waits, *options.arguments())
        self._current: Process | None = None
        self._draining: set[Process] = set()
        self._told: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; then the workers finish their jobs, as long as their grace allows."""
        await self._start()
        watching = asyncio.create_task(self._watch())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not watching.cancel():
            watching.result()
        self._drain()
        await asyncio.gather(*(process.wait() for process in self._draining))

    def kill(self) -> None:
        """End every worker at once."""
        for process in {*self._draining, *([self._current] if self._current else [])}:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _watch(self) -> None:
        async for changes in awatch(self._directory, watch_filter=ProjectFilter()):
            names = sorted({self._shown(path) for _, path in changes})
            output.chatter(f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''} changed: starting the worker anew")
            await self._restart()

    def _shown(self, path: str) -> str:
        with contextlib.suppress(ValueError):
            return str(Path(path).relative_to(self._directory))
        return path

    async def _restart(self) -> None:
        old = self._drain()
        if old is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await old.wait()
        await self._start()

    async def _start(self) -> None:
        # A session of its own: a terminal's Ctrl-C reaches this process alone, which passes it on once.
        # Its standard input ends with this process, and the worker with it.
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, start_new_session=True)
        self._current = process
        task = asyncio.create_task(self._tell_end(process))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _tell_end(self, process: Process) -> None:
        code = await process.wait()
        if process is self._current:
            self._current = None
            output.chatter(f"the worker ended with exit code {code}; a change of the project starts it anew")
        self._draining.discard(process)

    def _drain(self) -> Process | None:
        """Tell the current worker to stop; one that was told already is not told twice, which would kill it."""
        old, self._current = self._current, None
        if old is not None and old.returncode is None:
            self._draining.add(old)
            with contextlib.suppress(ProcessLookupError):
                old.send_signal(signal.SIGTERM)
        return old
