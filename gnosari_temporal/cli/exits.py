"""The exit code: how the ``gnosari`` command ends, and which error means which."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
from enum import IntEnum
from typing import NoReturn

from ..errors import (
    GnosariError,
    JobCancelled,
    JobExpired,
    JobFailed,
    JobNotFound,
    ResultTimeout,
    ScheduleNotFound,
    ServerError,
    ServerNotInstalled,
    ServerStartFailed,
)


class ExitCode(IntEnum):
    """How the command ended; scripts may rely on the numbers."""

    OK = 0
    JOB_FAILED = 1
    """The job failed, was cancelled or expired; for ``doctor``: something is wrong."""
    USAGE = 2
    """Usage or bad input: an option, a message, a setting, the project."""
    UNREACHABLE = 3
    """No Temporal server answers, or the embedded one ended by itself."""
    NOT_FOUND_OR_TIMEOUT = 4
    """The server has no such thing, or it was not finished in time."""
    INTERNAL = 70
    """An error that nobody expected (``EX_SOFTWARE`` of sysexits.h)."""
    INTERRUPTED = 130
    """Ctrl-C, as shells report it."""
    BROKEN_PIPE = 141
    """Who read the output has gone, as shells report it."""


_BY_ERROR: tuple[tuple[type[GnosariError], ExitCode], ...] = (
    (JobFailed, ExitCode.JOB_FAILED),
    (JobCancelled, ExitCode.JOB_FAILED),
    (JobExpired, ExitCode.JOB_FAILED),
    (JobNotFound, ExitCode.NOT_FOUND_OR_TIMEOUT),
    (ResultTimeout, ExitCode.NOT_FOUND_OR_TIMEOUT),
    (ScheduleNotFound, ExitCode.NOT_FOUND_OR_TIMEOUT),
    (ServerNotInstalled, ExitCode.USAGE),
    (ServerStartFailed, ExitCode.USAGE),
    (ServerError, ExitCode.UNREACHABLE),
    (GnosariError, ExitCode.USAGE),
)
"""The first that fits counts."""


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of an error; INTERNAL for one that is not expected."""
    for kind, code in _BY_ERROR:
        if isinstance(error, kind):
            return code
    return _of_rpc_error(error)


def _of_rpc_error(error: BaseException) -> ExitCode:
    service = sys.modules.get("temporalio.service")  # not imported: then it is none of its errors
    if service is None or not isinstance(error, service.RPCError):
        return ExitCode.INTERNAL
    code = service.RPCStatusCode
    return {
        code.UNAVAILABLE: ExitCode.UNREACHABLE,
        code.DEADLINE_EXCEEDED: ExitCode.UNREACHABLE,
        code.UNAUTHENTICATED: ExitCode.UNREACHABLE,
        code.PERMISSION_DENIED: ExitCode.UNREACHABLE,
        code.NOT_FOUND: ExitCode.NOT_FOUND_OR_TIMEOUT,
        code.INVALID_ARGUMENT: ExitCode.USAGE,
    }.get(error.status, ExitCode.INTERNAL)


def leave(code: int) -> NoReturn:
    """Write what is buffered, run the ``atexit`` functions and end the process.

    By ``os._exit``: the shutdown of an interpreter that has used Temporal's SDK can abort, with code 134 or 139.
    """
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = code or ExitCode.BROKEN_PIPE
        except (OSError, ValueError):
            continue
    os._exit(code)
