"""The supervisor: keeps a number of worker processes running, and replaces those that die or have done enough."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psutil

logger = logging.getLogger("gnosari_temporal.supervisor")

FULL = b"full\n"
"""What a worker process writes to the descriptor of ``REPORT_TO`` when it has run as many jobs as it may."""

_MEMORY_CHECK = timedelta(seconds=1)
_SHORT_LIFE = timedelta(seconds=5)
_FIRST_DELAY = timedelta(seconds=0.2)
_LONGEST_DELAY = timedelta(seconds=30)


@dataclass(frozen=True)
class SupervisorOptions:
    """What to keep running."""

    command: Sequence[str]
    """The command of one worker process; ``--report-to FD`` is added."""
    processes: int
    max_memory_mb: int | None = None
    """A process over it is replaced."""
    grace: timedelta = timedelta(seconds=30)
    """How long a process may take to stop; then it is killed and its jobs are repeated elsewhere."""


@dataclass(eq=False)
class _Child:
    process: asyncio.subprocess.Process
    number: int
    started: float = field(default_factory=time.monotonic)
    retiring: bool = False

    @property
    def age(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self.started)


class Supervisor:
    """Runs worker processes until it is told to stop."""

    def __init__(self, options: SupervisorOptions) -> None:
        self._options = options
        self._children: set[_Child] = set()
        self._tasks: set[asyncio.Task[object]] = set()
        self._stopping = asyncio.Event()
        self._delays: dict[int, timedelta] = {}

    @property
    def pids(self) -> list[int]:
        """The worker processes that run now."""
        return [child.process.pid for child in self._children]

    async def run(self, stop: asyncio.Event) -> int:
        """Keep the processes running until ``stop`` is set, then let them drain.

        Returns:
            The number of processes that had to be killed, their grace being over.
        """
        for number in range(self._options.processes):
            await self._start(number)
        memory = asyncio.create_task(self._watch_memory())
        await stop.wait()
        self._stopping.set()
        memory.cancel()
        return await self._stop_all()

    def kill_all(self) -> None:
        """End every process at once; for a second signal."""
        for child in self._children:
            self._signal(child, signal.SIGKILL)

    async def _start(self, number: int) -> None:
        read, write = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._options.command,
                "--report-to",
                str(write),
                pass_fds=(write,),
                stdin=asyncio.subprocess.PIPE,
                # The terminal's Ctrl-C reaches the supervisor alone; it passes the signal on.
                start_new_session=True,
            )
        finally:
            os.close(write)
        child = _Child(process, number)
        self._children.add(child)
        logger.info("worker process %d started (pid %d)", number + 1, process.pid)
        self._spawn(self._follow(child))
        self._spawn(self._listen(child, read))

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task: asyncio.Task[object] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, child: _Child) -> None:
        """Wait for the end of a process, and start another in its place if nobody asked for that end."""
        code = await child.process.wait()
        self._children.discard(child)
        if self._stopping.is_set() or child.retiring:
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        delay = self._delay(child)
        logger.warning(
            "worker process %d (pid %d) ended with %s; starting another%s",
            child.number + 1,
            child.process.pid,
            how,
            f" in {delay.total_seconds():g} s" if delay else "",
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay.total_seconds()):
                await self._stopping.wait()
        if not self._stopping.is_set():
            await self._start(child.number)

    def _delay(self, child: _Child) -> timedelta:
        """How long to wait before the next: longer each time for one that dies right after its start."""
        if child.age > _SHORT_LIFE:
            self._delays.pop(child.number, None)
            return timedelta(0)
        before = self._delays.get(child.number)
        delay = min(before * 2, _LONGEST_DELAY) if before else _FIRST_DELAY
        self._delays[child.number] = delay
        return delay

    async def _listen(self, child: _Child, read: int) -> None:
        """Hear from a process that it has run as many jobs as it may."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(read, "rb")
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            async for line in reader:
                if line == FULL:
                    await self._retire(child, "has run as many jobs as it may")
        finally:
            transport.close()

    async def _watch_memory(self) -> None:
        limit = self._options.max_memory_mb
        while limit is not None:
            await asyncio.sleep(_MEMORY_CHECK.total_seconds())
            # One that has just started is left alone: a limit below what an idle worker needs is no reason to
            # start processes as fast as the machine can.
            for child in [child for child in self._children if child.age > _SHORT_LIFE]:
                used = _memory_mb(child.process.pid)
                if used > limit and not child.retiring:
                    await self._retire(child, f"uses {used} MB, more than {limit}")

    async def _retire(self, child: _Child, why: str) -> None:
        """Replace a process: the new one starts first, the old one finishes what it runs."""
        if child.retiring or self._stopping.is_set():
            return
        child.retiring = True
        logger.info("worker process %d (pid %d) %s: replacing it", child.number + 1, child.process.pid, why)
        await self._start(child.number)
        self._signal(child, signal.SIGTERM)
        self._spawn(self._kill_late(child))

    async def _kill_late(self, child: _Child) -> bool:
        """Kill a process that does not stop within its grace; whether that was needed."""
        try:
            async with asyncio.timeout(self._options.grace.total_seconds()):
                await child.process.wait()
        except TimeoutError:
            logger.error("worker process %d (pid %d) does not stop: killing it", child.number + 1, child.process.pid)
            self._signal(child, signal.SIGKILL)
            await child.process.wait()
            return True
        return False

    async def _stop_all(self) -> int:
        children = list(self._children)
        for child in children:
            self._signal(child, signal.SIGTERM)
        killed = await asyncio.gather(*(self._kill_late(child) for child in children))
        return sum(killed)

    @staticmethod
    def _signal(child: _Child, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(number)


def worker_command(arguments: Sequence[str]) -> list[str]:
    """The command of a worker process with these options of ``gnosari worker start``."""
    return [sys.executable, "-m", "gnosari_temporal.cli", *arguments]


def _memory_mb(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss // (1024 * 1024))
    except psutil.Error:
        return 0
