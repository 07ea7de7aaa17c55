"""The process of a command: its output within a limit, its life within a timeout, and its children with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import ToolError, ToolInputError
from ..arguments import shown

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GRACE: Final = 1.0


@dataclass(frozen=True)
class Outcome:
    """What became of a command."""

    exit_code: int | None
    """Negative: the signal that ended it. None: it was ended by the timeout."""
    stdout: str
    stderr: str
    timed_out: bool
    truncated: bool
    """More was written than the limit; the rest was read and dropped."""


async def run_process(
    words: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout: float,
    limit: int,
) -> Outcome:
    """Run a program and wait for it, at most ``timeout`` seconds.

    It is the first of a process group of its own. When it has ended, by itself or by the timeout, or when the
    call is cancelled, whatever is left of the group is ended too. It reads nothing (its input is empty) and
    inherits nothing of this process's environment. Of each output ``limit`` bytes are kept.

    Raises:
        ToolInputError: there is no such program.
        ToolError: the system refuses to start it.
    """
    watch = _Watch(limit)
    try:
        transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: watch,
            *words,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        raise ToolInputError(
            f"command: there is no program {shown(words[0])} to run here (PATH is {environment.get('PATH', '')})",
            fields=("command",),
        ) from None
    except (OSError, ValueError) as error:
        raise ToolError(f"{shown(words[0])} cannot be started: {error}") from error
    group = transport.get_pid()
    timed_out = False
    try:
        async with asyncio.timeout(timeout):
            await watch.exited.wait()
    except TimeoutError:
        timed_out = True
        _signal_group(group, signal.SIGTERM)
        await _within_grace(watch.exited)
    finally:
        # The leader is gone, out of time or no longer wanted: nothing of its group stays.
        _signal_group(group, signal.SIGKILL)
        await _within_grace(watch.exited)
        await _within_grace(watch.closed)  # a process that left the group may hold the pipes open
        transport.close()
    return Outcome(
        exit_code=None if timed_out else transport.get_returncode(),
        stdout=watch.text(1),
        stderr=watch.text(2),
        timed_out=timed_out,
        truncated=watch.truncated,
    )


class _Watch(asyncio.SubprocessProtocol):
    """Collects the outputs up to the limit, and knows when the process and its pipes have ended.

    ``asyncio.subprocess.Process.wait()`` would wait for the pipes too, which a child in the background holds open.
    """

    def __init__(self, limit: int) -> None:
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self.truncated = False
        self._limit = limit
        self._kept = {1: bytearray(), 2: bytearray()}
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        room = self._limit - len(self._kept[fd])
        self._kept[fd] += data[:room]
        self.truncated = self.truncated or len(data) > room

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.closed.set()

    def process_exited(self) -> None:
        self.exited.set()

    def text(self, fd: int) -> str:
        return self._kept[fd].decode("utf-8", "replace")


async def _within_grace(event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await event.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
