"""The interactive session: a program on a terminal of its own that lives from one call to the next.

Sessions belong to the process that started them and end with it. They are therefore the one thing of the tools
that is kept beside the calls.
"""

from __future__ import annotations

import atexit
import os
import pty
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...errors import ToolInputError
from ..arguments import shown

MOST_SESSIONS: Final = 8
IDLE_SECONDS: Final = 600.0
"""A session that nobody has looked at for so long is ended when the next one starts."""


@dataclass
class Session:
    """A program that runs on a terminal."""

    id: str
    command: str
    process: subprocess.Popen[bytes]
    terminal: int
    limit: int
    used: float = field(default_factory=time.monotonic)
    _unread: bytearray = field(default_factory=bytearray)
    _dropped: bool = False
    _news: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False
    _listener: threading.Thread | None = None

    def start_listening(self) -> None:
        """Read the terminal from now on."""
        self._listener = threading.Thread(target=self._listen, name=f"session-{self.id}", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Read what the program writes until its terminal closes."""
        while True:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:  # Linux says so when the last writer is gone
                data = b""
            with self._news:
                self._unread += data
                if len(self._unread) > self.limit:
                    del self._unread[: len(self._unread) - self.limit]
                    self._dropped = True
                self._ended = not data
                self._news.notify_all()
            if not data:
                return

    def read(self, wait: float, quiet: float = 0.2) -> tuple[str, bool]:
        """What was written since the last time, and whether its beginning was dropped.

        Waits up to ``wait`` seconds for something, and then until nothing comes for ``quiet`` seconds.
        """
        self.used = time.monotonic()
        end = self.used + wait
        with self._news:
            while not self._unread and not self._ended and (left := end - time.monotonic()) > 0:
                self._news.wait(left)
            size = -1
            while size != len(self._unread) and not self._ended and time.monotonic() < end:
                size = len(self._unread)
                self._news.wait(min(quiet, max(end - time.monotonic(), 0)))
            data, dropped = bytes(self._unread), self._dropped
            self._unread.clear()
            self._dropped = False
            ended = self._ended
        if ended:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
        return data.decode("utf-8", "replace"), dropped

    def write(self, data: bytes) -> None:
        """Type ``data``.

        Raises:
            ToolInputError: the program has ended.
        """
        self.used = time.monotonic()
        try:
            if self.exit_code is None:
                os.write(self.terminal, data)
                return
        except OSError:
            pass
        raise ToolInputError(f"session_id: the program of session {self.id} has ended", fields=("session_id",))

    @property
    def exit_code(self) -> int | None:
        """None while the program runs."""
        return self.process.poll()

    def end(self) -> int:
        """End the program with everything in its group; gives its exit code."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
        if self._listener is not None:
            self._listener.join(1)
            if not self._listener.is_alive():  # else a program that left the group holds the terminal open
                os.close(self.terminal)
        return self.process.wait()


_sessions: dict[str, Session] = {}
_lock = threading.Lock()


def start_session(
    words: Sequence[str], *, command: str, folder: Path, environment: Mapping[str, str], limit: int
) -> Session:
    """Start a program on a new terminal. ``limit`` is how many unread bytes of its output are kept.

    Raises:
        ToolInputError: there is no such program, or too many sessions are open.
    """
    with _lock:
        _end_idle()
        if len(_sessions) >= MOST_SESSIONS:
            raise ToolInputError(
                f"action: {MOST_SESSIONS} sessions are open in this process; end one with terminate_session "
                f"({', '.join(_sessions)})",
                fields=("action",),
            )
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen(
                list(words),
                cwd=folder,
                env=dict(environment),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        except OSError as error:
            os.close(ours)
            raise ToolInputError(
                f"command: {shown(words[0])} cannot be started: {os.strerror(error.errno or 0)}",
                fields=("command",),
            ) from None
        finally:
            os.close(theirs)
        atexit.unregister(end_all)
        atexit.register(end_all)
        session = Session(secrets.token_hex(4), command, process, ours, limit)
        _sessions[session.id] = session
        session.start_listening()
        return session


def find_session(session_id: str) -> Session:
    """An open session of this process.

    Raises:
        ToolInputError: it has none of this id.
    """
    with _lock:
        session = _sessions.get(session_id)
    if session is None:
        raise ToolInputError(
            f"session_id: this worker process (pid {os.getpid()}) has no session {shown(session_id)}; sessions live "
            f"in the process that started them (open here: {', '.join(_sessions) or 'none'})",
            fields=("session_id",),
        )
    return session


def end_session(session: Session) -> int:
    """End a session and forget it; gives the program's exit code."""
    with _lock:
        _sessions.pop(session.id, None)
    return session.end()


def end_all() -> None:
    """End every session of this process."""
    with _lock:
        open_sessions = list(_sessions.values())
        _sessions.clear()
    for session in open_sessions:
        session.end()


def _end_idle() -> None:
    oldest = time.monotonic() - IDLE_SECONDS
    for session in [one for one in _sessions.values() if one.used < oldest or one.exit_code is not None]:
        del _sessions[session.id]
        session.end()
