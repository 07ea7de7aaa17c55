"""The log of a worker in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from gnosari_temporal.worker.logfile import FILES_KEPT, kept_short, new_log


def poll(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_log_that_has_grown_is_moved_aside_and_what_holds_it_open_goes_on_at_its_beginning(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    with log.open("ab", buffering=0) as output:
        output.write(b"old\n" * 100)
        with kept_short(log, most_bytes=100, look=timedelta(seconds=0.01)):
            poll(lambda: log.stat().st_size == 0)
            output.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / f"{log.name}.1").read_bytes() == b"old\n" * 100


def test_a_worker_in_the_foreground_has_no_log_to_keep_short() -> None:
    with kept_short(None):
        pass


def test_the_oldest_logs_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    used = new_log(tmp_path)
    logs = [new_log(tmp_path, in_use={str(used)}) for _ in range(FILES_KEPT)]
    (tmp_path / f"{logs[0].name}.1").touch()

    new = new_log(tmp_path, in_use={str(used)})

    assert sorted(tmp_path.iterdir()) == [used, *logs[1:], new]
