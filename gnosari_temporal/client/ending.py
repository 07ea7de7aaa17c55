"""The end of the program: a short wait, without which Temporal's SDK aborts some programs while they end."""

from __future__ import annotations

import atexit
import time

QUIET_TIME = 0.02
"""Seconds. Threads of the SDK that still hand something to Python while the interpreter goes down abort the process
(exit codes 134 and 139, one program in seven); they are done within this time. Seen with temporalio 1.35."""

_registered = False


def wait_at_exit() -> None:
    """Have this program wait for the SDK's threads before the interpreter goes down; any number of times."""
    global _registered
    if not _registered:
        _registered = True
        atexit.register(time.sleep, QUIET_TIME)
