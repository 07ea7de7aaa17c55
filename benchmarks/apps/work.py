"""What the jobs do, whichever system runs them."""

from __future__ import annotations

import os
import time
from pathlib import Path

SURVIVOR_STAYS = 120.0
"""Seconds that the first attempt of ``survive`` lasts: until its worker is killed."""


def mark(path: str) -> int:
    """Note in a file that an attempt has begun, and when; how many have until now.

    The time is the machine's monotonic clock, which its processes share.
    """
    with Path(path).open("a", encoding="utf-8") as marks:
        marks.write(f"{os.getpid()} {time.monotonic()}\n")
    return len(read_marks(path))


def read_marks(path: str) -> list[float]:
    """When the attempts began."""
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [float(line.split()[1]) for line in lines]
