"""Which error ends the command with which code."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from temporalio.service import RPCError, RPCStatusCode

from gnosari_temporal import errors
from gnosari_temporal.cli.exits import ExitCode, exit_code_of


def every_error() -> list[type[errors.GnosariError]]:
    found, left = [], [errors.GnosariError]
    while left:
        kind = left.pop()
        found.append(kind)
        left.extend(kind.__subclasses__())
    return found


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.JobFailed("x"), ExitCode.JOB_FAILED),
        (errors.JobLost("x"), ExitCode.JOB_FAILED),
        (errors.JobCancelled("x"), ExitCode.JOB_FAILED),
        (errors.JobExpired("x"), ExitCode.JOB_FAILED),
        (errors.InvalidMessage("x"), ExitCode.USAGE),
        (errors.SettingsError("x"), ExitCode.USAGE),
        (errors.ProjectError("x"), ExitCode.USAGE),
        (errors.UnknownMessageType("x"), ExitCode.USAGE),
        (errors.ServerStartFailed("x"), ExitCode.USAGE),
        (errors.ServerUnreachable("x"), ExitCode.UNREACHABLE),
        (errors.ServerError("x"), ExitCode.UNREACHABLE),
        (errors.JobNotFound("x"), ExitCode.NOT_FOUND_OR_TIMEOUT),
        (errors.ResultTimeout("x"), ExitCode.NOT_FOUND_OR_TIMEOUT),
        (RPCError("x", RPCStatusCode.UNAVAILABLE, b""), ExitCode.UNREACHABLE),
        (RPCError("x", RPCStatusCode.NOT_FOUND, b""), ExitCode.NOT_FOUND_OR_TIMEOUT),
        (RPCError("x", RPCStatusCode.INVALID_ARGUMENT, b""), ExitCode.USAGE),
        (RPCError("x", RPCStatusCode.DATA_LOSS, b""), ExitCode.INTERNAL),
        (ZeroDivisionError(), ExitCode.INTERNAL),
    ],
)
def test_an_error_has_its_code(error: Exception, code: ExitCode) -> None:
    assert exit_code_of(error) == code


def test_no_error_of_the_package_is_unexpected() -> None:
    for kind in every_error():
        assert exit_code_of(kind.__new__(kind)) in (1, 2, 3, 4), kind


def test_the_numbers_are_those_that_scripts_rely_on() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 70, 130, 141]


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)


def test_leaving_writes_what_is_buffered_and_runs_atexit_functions() -> None:
    ran = run_python(
        """
        import atexit, sys
        from gnosari_temporal.cli.exits import leave
        atexit.register(lambda: print("at exit"))
        sys.stdout.write("buffered, ")
        leave(4)
        """
    )

    assert (ran.returncode, ran.stdout) == (4, "buffered, at exit\n")


def test_an_unexpected_error_is_one_line_that_names_debug_and_its_trace_is_shown_there() -> None:
    code = """
        import sys
        from gnosari_temporal.cli import main
        main.COMMANDS["break"] = main.Entry("json:dumps", "")
        main.main([*sys.argv[1:], "break"])
        """
    ran = run_python(code)
    debugged = run_python(code.replace('[*sys.argv[1:], "break"]', '["--debug", "break"]'))

    assert ran.returncode == debugged.returncode == 70
    assert ran.stderr.count("\n") == 1
    assert "(unexpected: --debug shows the trace)" in ran.stderr
    assert "Traceback" in debugged.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "gnosari_temporal.cli", "completion", "bash"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as printing:
        assert printing.stdout is not None
        assert printing.stderr is not None

        printing.stdout.close()

        assert (printing.wait(), printing.stderr.read()) == (141, b"")
