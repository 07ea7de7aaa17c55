"""The log of a worker in the background: a file for each start, kept within bounds while it runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

MOST_BYTES = 50 * 1024 * 1024
"""A longer log is moved to ``<log>.1``, which takes the place of the one before."""
FILES_KEPT = 10
"""Logs of workers that have ended, the newest."""

_LOOK = timedelta(seconds=30)


def new_log(folder: Path, in_use: Collection[str] = ()) -> Path:
    """The path of a log for a worker that starts now; the oldest logs that no worker uses are removed.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ended = sorted(path for path in folder.glob("worker-*.log") if str(path) not in in_use)
    for path in ended[: -FILES_KEPT + 1]:
        for part in (path, _rest(path)):
            part.unlink(missing_ok=True)
    log = folder / f"worker-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    log.touch()
    return log


@contextlib.contextmanager
def kept_short(log: Path | None, *, most_bytes: int = MOST_BYTES, look: timedelta = _LOOK) -> Iterator[None]:
    """Keep a log within bounds meanwhile. Who writes to it appends; None: there is none."""
    if log is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(look.total_seconds()):
            with contextlib.suppress(OSError):
                if log.stat().st_size > most_bytes:
                    # Several processes hold it open, so it is copied and emptied rather than renamed.
                    shutil.copyfile(log, _rest(log))
                    os.truncate(log, 0)

    thread = threading.Thread(target=watch, name="gnosari-log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _rest(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
