"""What the programs share: notes in files that sender and worker both see, waiting with a deadline, outcomes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIMEOUT = 20
"""Seconds after which a program gives up."""


def note(path: str, text: str = "") -> int:
    """Appends a line to a file; gives how many lines it has now. Whole even when two processes write at once."""
    with open(path, "ab") as file:  # noqa: PTH123
        file.write(f"{text}\n".encode())
    return len(notes(path))


def notes(path: str | Path) -> list[str]:
    """The lines of a file; none if it is not there."""
    return Path(path).read_text().splitlines() if os.path.exists(path) else []  # noqa: PTH110


def wait_until(reached: Callable[[], bool], what: str = "the state") -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + TIMEOUT
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not reached in {TIMEOUT} s")
        time.sleep(0.01)


def outcome(result: Any) -> dict[str, Any]:
    """How a call ended: its state with its value, or with the type and text of its exception."""
    try:
        value = result.get(timeout=TIMEOUT)
    except Exception as error:  # noqa: BLE001
        return {"state": result.state, "error": type(error).__name__, "text": str(error)}
    return {"state": result.state, "value": value}
