"""The processes of a worker: supervised ones, recycled ones, and one that goes to the background."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import output
from .exits import ExitCode
from .params import setting_option
from .project import data_folder
from .serving import TIME_TO_CANCEL, WorkerOptions, announce_stop

if TYPE_CHECKING:
    from ..settings import Settings
    from ..worker.signals import StopSignals
    from .invocation import Invocation

F = TypeVar("F", bound=Callable[..., Any])

_DETACH_SECONDS = 20.0
_LOG_LINES = 10

_OPTIONS = (
    setting_option(
        "--processes",
        type=click.IntRange(min=1),
        metavar="N",
        variable="GNOSARI_PROCESSES",
        shown_default="1",
        help="Worker processes, each with the slots above; one that dies is replaced.",
    ),
    setting_option(
        "--max-jobs-per-process",
        type=click.IntRange(min=1),
        metavar="N",
        variable="GNOSARI_MAX_JOBS_PER_PROCESS",
        help="Replace a process when it has run so many jobs.",
    ),
    setting_option(
        "--max-memory",
        "max_memory_mb",
        type=click.IntRange(min=16),
        metavar="MB",
        variable="GNOSARI_MAX_MEMORY_MB",
        help="Replace a process that uses more memory.",
    ),
    click.option("--detach", is_flag=True, help="Run in the background; `gnosari worker stop` ends it."),
    click.option("--log-file", type=click.Path(path_type=Path), hidden=True),
    click.option("--report-to", type=int, hidden=True, help="Descriptor on which a supervisor listens."),
)


@dataclass(frozen=True)
class ProcessOptions:
    """How many processes, for how long, and where."""

    processes: int | None = None
    max_jobs_per_process: int | None = None
    max_memory_mb: int | None = None
    detach: bool = False
    log_file: Path | None = None
    report_to: int | None = None

    def overrides(self) -> dict[str, Any]:
        """The options as settings."""
        return {
            "processes": self.processes,
            "max_jobs_per_process": self.max_jobs_per_process,
            "max_memory_mb": self.max_memory_mb,
        }

    def arguments(self) -> list[str]:
        """The options as they are typed, without where the process runs."""
        words: list[str] = []
        for name, value in (
            ("--processes", self.processes),
            ("--max-jobs-per-process", self.max_jobs_per_process),
            ("--max-memory", self.max_memory_mb),
        ):
            words += [name, str(value)] if value is not None else []
        return words


def process_options(command: F) -> F:
    """The options of ``gnosari worker start`` about its processes; ``split_process_options`` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def split_process_options(given: dict[str, Any]) -> ProcessOptions:
    """Take the options about processes out of a command's arguments."""
    return ProcessOptions(**{name: given.pop(name) for name in ProcessOptions.__dataclass_fields__ if name in given})


def is_supervised(settings: Settings) -> bool:
    """Whether the settings ask for more than one plain process."""
    return settings.processes > 1 or bool(settings.max_jobs_per_process or settings.max_memory_mb)


async def run_supervised(
    invocation: Invocation, settings: Settings, arguments: Sequence[str], *, attached: bool = False
) -> int:
    """Keep ``settings.processes`` worker processes running until the first signal; ``attached``: or until standard
    input ends."""
    from ..worker.signals import StopSignals
    from ..worker.supervisor import Supervisor, SupervisorOptions

    supervisor = Supervisor(
        SupervisorOptions(
            command=invocation.command("worker", "start", "--attached", *arguments),
            processes=settings.processes,
            max_memory_mb=settings.max_memory_mb,
            grace=settings.grace + 2 * TIME_TO_CANCEL,
        )
    )
    with StopSignals(on_request=lambda: announce_stop(settings), at_once=supervisor.kill_all) as signals:
        if attached:
            stop_at_end_of_input(signals)
        await supervisor.run(signals.requested)
    return ExitCode.OK


def stop_at_end_of_input(signals: StopSignals) -> None:
    """Stop when the process that started this one ends: it holds the other end of standard input."""
    parent = os.dup(sys.stdin.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())  # a program that a consumer starts finds the end of its input, and not a wait
    os.close(nothing)

    def read() -> None:
        while os.read(parent, 4096):
            continue
        signals.request()

    threading.Thread(target=read, name="gnosari-parent", daemon=True).start()


def job_counter(settings: Settings, report_to: int | None) -> Callable[[], None]:
    """What a supervised process calls after every attempt: it reports once it has run as many as it may."""
    from ..worker.supervisor import FULL

    limit = settings.max_jobs_per_process
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if report_to is not None and done == limit:
            with contextlib.suppress(OSError):
                os.write(report_to, FULL)

    return count


@contextlib.contextmanager
def pid_file(
    invocation: Invocation,
    settings: Settings,
    arguments: Sequence[str] = (),
    *,
    kind: str = "worker",
    log_file: Path | None = None,
) -> Iterator[None]:
    """Keep the pid file of this process, and its log within bounds, while it works."""
    from ..worker.logfile import kept_short
    from ..worker.pidfile import Kind, record_of_this_process, written

    with contextlib.suppress(OSError):  # said once, by what follows
        data_folder(invocation.project_dir)
    record = record_of_this_process(settings, arguments, kind=Kind(kind), log=log_file)
    with written(invocation.project_dir, record), kept_short(log_file):
        yield


def detach(invocation: Invocation, options: WorkerOptions, processes: ProcessOptions) -> int:
    """Start the same worker in the background, and print its process id."""
    return start_detached(invocation, [*options.arguments(), *processes.arguments()])


def start_detached(invocation: Invocation, arguments: Sequence[str]) -> int:
    """Start a worker with these options in the background; its process id goes to stdout."""
    from ..worker import pidfile
    from ..worker.logfile import new_log

    directory = pidfile.folder(invocation.project_dir)
    try:
        data_folder(invocation.project_dir)
        log = new_log(directory, in_use={record.log for record in pidfile.read_records(invocation.project_dir)})
        written = log.open("ab")
    except OSError as error:
        raise click.UsageError(
            f"{directory} cannot be written: {error.strerror}. A worker in the background has its log and its pid file "
            "there: make it writable, or let a service manager run `gnosari worker`"
        ) from error
    command = invocation.command("worker", "start", "--log-file", str(log), *arguments)
    with written:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=written, stderr=written, start_new_session=True
        )
    deadline = time.monotonic() + _DETACH_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
            code = process.returncode if process.returncode > 0 else ExitCode.INTERNAL
            output.error(f"the worker ended with exit code {process.returncode}; the end of {log}:")
            output.chatter("\n".join(f"  {line}" for line in tail))
            return code
        if any(record.pid == process.pid for record in pidfile.read_records(invocation.project_dir)):
            output.result(str(process.pid))
            output.chatter(f"worker {process.pid} runs in the background; its log is {log}")
            return ExitCode.OK
        time.sleep(0.05)
    output.error(f"the worker {process.pid} did not come up within {_DETACH_SECONDS:g} s; see {log}")
    return ExitCode.NOT_FOUND_OR_TIMEOUT
