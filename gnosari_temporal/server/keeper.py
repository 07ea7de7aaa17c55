"""The process between a program and its embedded server: the server ends when the program ends.

It is run as a script by its path, by a bare interpreter, so it imports nothing of the package:

    python -I -S keeper.py SECONDS PROGRAM ARGUMENT...

Its standard input is a pipe that the program holds open. At its end, at SIGTERM, or when its parent changes
(a forked child of the program may still hold the pipe), the server gets SIGTERM, and SIGKILL after SECONDS.
The server's output goes to the keeper's standard output, after one line ``pid N``. The keeper ends with the
server's exit code, 128 + n for a signal.

Linux's PDEATHSIG alone would not do: it fires when the *thread* that started the server ends.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

_PARENT_CHECK = 1.0
_PR_SET_PDEATHSIG = 1


def keep(grace: float, command: list[str]) -> int:
    """Run the command until it ends or has to; its exit code."""
    program = os.getppid()
    wake, signalled = os.pipe()
    for end in (wake, signalled):
        os.set_blocking(end, False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(signalled)

    server = _spawn(command)
    watched = [0, wake]
    kill_at: float | None = None
    while True:
        left = _PARENT_CHECK if kill_at is None else max(0.0, min(_PARENT_CHECK, kill_at - time.monotonic()))
        ready, _, _ = select.select(watched, [], [], left)
        stop = os.getppid() != program
        if wake in ready and signal.SIGTERM in os.read(wake, 512):
            stop = True
        if 0 in ready and not os.read(0, 512):
            watched.remove(0)
            stop = True
        ended, status = os.waitpid(server, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if kill_at is None:
            if stop:
                os.kill(server, signal.SIGTERM)
                kill_at = time.monotonic() + grace
        elif time.monotonic() >= kill_at:
            os.kill(server, signal.SIGKILL)
            kill_at = float("inf")


def _spawn(command: list[str]) -> int:
    keeper = os.getpid()
    server = os.fork()
    if server:
        return server
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _end_with(keeper)
        os.write(1, b"pid %d\n" % os.getpid())
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(1, 2)
        os.putenv("USER", "temporal")  # the server does not start for a user that has no name, as in containers
        os.execv(command[0], command)
    except BaseException as error:  # noqa: BLE001  this is the forked child: nothing may run on from here
        os.write(1, f"Error: {command[0]} cannot be run: {error}\n".encode())
    finally:
        os._exit(127)


def _end_with(keeper: int) -> None:
    """Linux: SIGTERM for this process if the keeper dies before it."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # not on every system, and a third of the start-up time

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != keeper:
        os._exit(1)


if __name__ == "__main__":
    os._exit(keep(float(sys.argv[1]), sys.argv[2:]))
