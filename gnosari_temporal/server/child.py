"""One running server process: started under its keeper, its log read, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

_LINES_KEPT = 200
_KEEPER = Path(__file__).with_name("keeper.py")


class Child:
    """A server process and the keeper that ends it with this program.

    It is in a session of its own, so a terminal's Ctrl-C does not reach it. In a forked child of this program
    ``stop`` does nothing.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        grace: float,
        log_file: Path | None = None,
        inherit: Sequence[int] = (),
    ) -> None:
        self._owner = os.getpid()
        self._grace = grace
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._log = log_file.expanduser().open("ab") if log_file else None
        try:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_KEEPER), str(grace), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=tuple(inherit),
            )
        except BaseException:
            if self._log:
                self._log.close()
            raise
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline().decode(errors="replace").strip()
        self.pid = int(first.removeprefix("pid ")) if first.startswith("pid ") else self._keeper.pid
        if not first.startswith("pid "):
            self._lines.append(first)
        self._reader = threading.Thread(target=self._read, name="gnosari-server-log", daemon=True)
        self._reader.start()

    @property
    def returncode(self) -> int | None:
        """The server's exit code; None while it runs."""
        if os.getpid() != self._owner:
            return None
        return self._keeper.poll()

    def lines(self) -> list[str]:
        """The last lines of its log."""
        return list(self._lines)

    def join_log(self) -> None:
        """After its end: wait until all of its log is read."""
        self._reader.join(timeout=2)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after the grace period; returns when it is gone."""
        if os.getpid() != self._owner:
            return
        self._keeper.terminate()
        try:
            self._keeper.wait(self._grace + 2)
        except subprocess.TimeoutExpired:  # the keeper itself hangs, suspended for one
            for pid in (self.pid, self._keeper.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._keeper.wait()
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self.join_log()

    def _read(self) -> None:
        assert self._keeper.stdout is not None
        with self._keeper.stdout as output:
            for line in output:
                if self._log:
                    self._log.write(line)
                    self._log.flush()
                text = line.decode(errors="replace").rstrip()
                if text:
                    self._lines.append(text)
        if self._log:
            self._log.close()
