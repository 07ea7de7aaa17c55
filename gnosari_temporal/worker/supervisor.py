"""The supervisor: keeps a number of worker processes running, and replaces those that die or have done enough."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
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
    retired: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when another is to take its place."""
    told: bool = False
    """Whether it was asked to end: the second signal would end it at once, with the jobs that it runs."""
    killed: bool = False

    @property
    def age(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self.started)

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


class Supervisor:
    """Runs worker processes until it is told to stop."""

    def __init__(self, options: SupervisorOptions) -> None:
        self._options = options
        self._children: set[_Child] = set()
        self._tasks: set[asyncio.Task[object]] = set()
        self._stopping = asyncio.Event()

    @property
    def pids(self) -> list[int]:
        """The worker processes that run now, those that are being replaced included."""
        return [child.process.pid for child in self._children]

    async def run(self, stop: asyncio.Event) -> int:
        """Keep the processes running until ``stop`` is set, then let them drain.

        Returns:
            The number of processes that had to be killed, their grace being over.
        """
        kept = [asyncio.create_task(self._keep(number)) for number in range(self._options.processes)]
        memory = asyncio.create_task(self._watch_memory())
        await stop.wait()
        self._stopping.set()
        memory.cancel()
        await asyncio.gather(*kept)  # a process that is being started is known after that
        children = list(self._children)
        await asyncio.gather(*(self._end(child) for child in children))
        return sum(child.killed for child in children)

    def kill_all(self) -> None:
        """End every process at once; for a second signal."""
        for child in self._children:
            child.signal(signal.SIGKILL)

    async def _keep(self, number: int) -> None:
        """Keep one process running: start another where it ended, or is to be replaced."""
        delay = timedelta(0)
        replaced: _Child | None = None
        while not self._stopping.is_set():
            try:
                child = await self._start(number)
            except OSError as error:
                delay = _longer(delay)
                logger.error("worker process %d cannot be started: %s; next try in %s", number + 1, error, _text(delay))
                await self._pause(delay)
                continue
            if replaced is not None:
                self._spawn(self._end(replaced))
            replaced = await self._until_over(child)
            if replaced is not None or self._stopping.is_set():
                continue
            # Longer each time for one that dies right after its start.
            delay = timedelta(0) if child.age > _SHORT_LIFE else _longer(delay)
            logger.warning(
                "worker process %d (pid %d) ended with %s; starting another%s",
                number + 1,
                child.process.pid,
                _how(child.process.returncode),
                f" in {_text(delay)}" if delay else "",
            )
            await self._pause(delay)

    async def _start(self, number: int) -> _Child:
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
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        child = _Child(process, number)
        self._children.add(child)
        logger.info("worker process %d started (pid %d)", number + 1, process.pid)
        self._spawn(self._forget(child))
        self._spawn(self._listen(child, read))
        return child

    async def _until_over(self, child: _Child) -> _Child | None:
        """Wait until a process has ended, or all are to end; or gives it where it is to be replaced."""
        waits = [asyncio.create_task(w) for w in (child.process.wait(), child.retired.wait(), self._stopping.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return child if child.retired.is_set() else None

    async def _forget(self, child: _Child) -> None:
        await child.process.wait()
        self._children.discard(child)

    async def _pause(self, delay: timedelta) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay.total_seconds()):
                await self._stopping.wait()

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task: asyncio.Task[object] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self, child: _Child, read: int) -> None:
        """Hear from a process that it has run as many jobs as it may."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(read, "rb")
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            async for line in reader:
                if line == FULL:
                    self._retire(child, "has run as many jobs as it may")
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
                if used > limit:
                    self._retire(child, f"uses {used} MB, more than {limit}")

    def _retire(self, child: _Child, why: str) -> None:
        """Have a process replaced: the new one starts first, the old one finishes what it runs."""
        if not child.retired.is_set() and not self._stopping.is_set():
            logger.info("worker process %d (pid %d) %s: replacing it", child.number + 1, child.process.pid, why)
            child.retired.set()

    async def _end(self, child: _Child) -> None:
        """Ask a process to end, once; kill it when its grace is over."""
        if not child.told:
            child.told = True
            child.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._options.grace.total_seconds()):
                await child.process.wait()
        except TimeoutError:
            logger.error("worker process %d (pid %d) does not stop: killing it", child.number + 1, child.process.pid)
            child.killed = True
            child.signal(signal.SIGKILL)
            await child.process.wait()


def _longer(delay: timedelta) -> timedelta:
    return min(delay * 2, _LONGEST_DELAY) or _FIRST_DELAY


def _text(delay: timedelta) -> str:
    return f"{delay.total_seconds():g} s"


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):  # one without a name
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"


def _memory_mb(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss // (1024 * 1024))
    except psutil.Error:
        return 0
