"""Serving: the options of a worker, and running one in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import logs, output
from .params import DURATION, LOG_LEVELS, QUEUES, setting_option

if TYPE_CHECKING:
    from ..settings import Settings
    from ..worker import Application, GnosariWorker
    from ..worker.signals import StopSignals
    from .invocation import Invocation

F = TypeVar("F", bound=Callable[..., Any])

TIME_TO_CANCEL = timedelta(seconds=5)
"""How long jobs that were cancelled after the grace may take to stop; then they are left behind."""

logger = logging.getLogger("gnosari_temporal.worker")


@dataclass(frozen=True)
class WorkerOptions:
    """The options of a worker on the command line; None where not given."""

    queue: tuple[str, ...] = ()
    concurrency: int | None = None
    express: int | None = None
    strict_order: bool | None = None
    loglevel: str | None = None
    module: tuple[str, ...] = ()
    team: tuple[Path, ...] = ()
    grace: timedelta | None = None

    def overrides(self) -> dict[str, Any]:
        """The options as settings."""
        return {
            "queues": self.queue or None,
            "concurrency": self.concurrency,
            "express": self.express,
            "strict_order": self.strict_order,
            "loglevel": self.loglevel,
            "modules": self.module or None,
            "teams": tuple(str(path.resolve()) for path in self.team) or None,
            "grace": self.grace,
        }

    def arguments(self) -> list[str]:
        """The options as they are typed, for a worker in a process of its own."""
        words = [word for queue in self.queue for word in ("--queue", queue)]
        words += [word for module in self.module for word in ("--module", module)]
        words += [word for path in self.team for word in ("--team", str(path.resolve()))]
        for name in ("concurrency", "express", "loglevel"):
            value = getattr(self, name)
            words += [f"--{name}", str(value)] if value is not None else []
        words += ["--grace", f"{self.grace.total_seconds()}"] if self.grace is not None else []
        return words + (["--strict-order"] if self.strict_order else [])


_OPTIONS = (
    setting_option(
        "-q",
        "--queue",
        type=QUEUES,
        multiple=True,
        metavar="A,B",
        variable="GNOSARI_QUEUES",
        shown_default="gnosari_queue and every queue that the consumers declare",
        help="Queues to serve, with their slots as in a=4,b=2; repeatable.",
    ),
    setting_option(
        "-c",
        "--concurrency",
        type=click.IntRange(min=1),
        metavar="N",
        variable="GNOSARI_CONCURRENCY",
        shown_default="10",
        help="Jobs at once on each queue.",
    ),
    setting_option(
        "--express",
        type=click.IntRange(min=1),
        metavar="N",
        variable="GNOSARI_EXPRESS",
        shown_default="half of the concurrency",
        help="Slots of the express lane (priorities 1-3) on each queue, on top of the concurrency.",
    ),
    setting_option(
        "--strict-order",
        is_flag=True,
        flag_value=True,
        variable="GNOSARI_STRICT_ORDER",
        help="First come first served within one priority, exactly.",
    ),
    setting_option(
        "-l",
        "--loglevel",
        type=click.Choice(LOG_LEVELS, case_sensitive=False),
        metavar="LEVEL",
        variable="GNOSARI_LOGLEVEL",
        shown_default="info",
        help=f"{', '.join(LOG_LEVELS)}.",
    ),
    setting_option(
        "--module",
        multiple=True,
        metavar="NAME",
        variable="GNOSARI_MODULES",
        help="Module to import beside, or in place of, the workflows and activities folders; repeatable.",
    ),
    setting_option(
        "--team",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        multiple=True,
        metavar="FILE",
        variable="GNOSARI_TEAMS",
        help="Team file whose agents and tools are run; repeatable.",
    ),
    setting_option(
        "--grace",
        type=DURATION,
        metavar="DURATION",
        variable="GNOSARI_GRACE",
        shown_default="30s",
        help="How long running jobs may go on after Ctrl-C or SIGTERM.",
    ),
    click.option("--watch", is_flag=True, help="Start the worker anew when a file of the project changes."),
)


def worker_options(command: F) -> F:
    """The options that ``gnosari worker`` and ``gnosari up`` share; ``split_options`` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def split_options(given: dict[str, Any]) -> WorkerOptions:
    """Take the worker's options out of a command's arguments."""
    return WorkerOptions(**{name: given.pop(name) for name in WorkerOptions.__dataclass_fields__ if name in given})


def prepare(invocation: Invocation, options: WorkerOptions, **overrides: Any) -> tuple[Settings, Application]:
    """Settings and application of a worker, with the logs set up; ``overrides`` are further settings.

    Raises:
        SettingsError, ProjectError, RegistryError: the worker cannot run as it is.
    """
    from .project import load

    settings = invocation.settings(**options.overrides(), **overrides)
    set_up_logs(invocation, settings)
    return settings, load(settings)


def set_up_logs(invocation: Invocation, settings: Settings) -> None:
    """Logs at the level of the settings; prints of consumers line by line, also into a pipe."""
    from ..settings import unused_variables

    logs.set_up(settings.loglevel, debug=invocation.debug)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    for name, instead in unused_variables(settings.environ):
        logger.warning("%s is set and has no effect: use %s", name, instead)


async def serve(worker: GnosariWorker, signals: StopSignals) -> bool:
    """Run a worker until it is told to stop, then let its jobs finish within the grace and cancel the rest.

    Returns:
        Whether all jobs have ended; False if some ignored their cancellation and are left to the heartbeat timeout.

    Raises: what ends the worker otherwise.
    """
    describe(worker)
    running = asyncio.create_task(worker.run(signals.requested))
    stopping = asyncio.create_task(signals.requested.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        limit = worker.settings.grace + TIME_TO_CANCEL
        await asyncio.wait({running}, timeout=limit.total_seconds())
    stopping.cancel()
    if not running.done():
        logger.error("some jobs ignore their cancellation and are left behind: another worker will repeat them")
        return False
    running.result()
    return True


def announce_stop(settings: Settings) -> None:
    """Say that the first signal was heard."""
    from ..durations import format_duration

    output.chatter(
        f"stopping: running jobs have {format_duration(settings.grace)} to finish (once more ends them at once)"
    )


def describe(worker: GnosariWorker) -> None:
    """Say what a worker serves."""
    client, registry = worker.client, worker.application.registry
    address = client.temporal.service_client.config.target_host
    policies = sorted(registry, key=lambda policy: policy.consumer)
    served = {
        "server": f"{address}, namespace {client.temporal.namespace}",
        "queues": ", ".join(worker.queues),
        "task queues": ", ".join(f"{name} ({slots})" for name, slots in worker.task_queues.items()),
        "workflows": ", ".join(sorted(registry.workflows)) or "none",
        "consumers": ", ".join(f"{policy.consumer} ({policy.message_type})" for policy in policies) or "none",
    }
    output.chatter(f"worker {worker.identity}")
    for name, text in served.items():
        output.chatter(f"  {name:<12} {text}")
