"""``gnosari worker``: runs the project's worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode, leave
from .invocation import Invocation, pass_invocation
from .processes import (
    ProcessOptions,
    detach,
    is_supervised,
    job_counter,
    pid_file,
    process_options,
    run_supervised,
    split_process_options,
    stop_at_end_of_input,
)
from .serving import announce_stop, prepare, serve, split_options, worker_options
from .session import check_namespace, connected
from .worker_control import restart, status, stop

if TYPE_CHECKING:
    from ..client import GnosariClient
    from ..settings import Settings
    from ..worker import Application
    from ..worker.signals import StopSignals

_DEFAULT = "start"
_FIRST_RETRY = 0.5
_LONGEST_RETRY = 5.0


class WorkerGroup(click.Group):
    """``gnosari worker`` without a subcommand is ``gnosari worker start``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in ``start`` where no subcommand is named."""
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        looks_like_a_name = bool(args) and not args[0].startswith("-")
        if not named and not looks_like_a_name and not ctx.resilient_parsing:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of ``start`` stand in the group's help too."""
        start = self.commands[_DEFAULT]
        start_context = click.Context(start, info_name=_DEFAULT, parent=ctx)
        records = [record for param in start.get_params(start_context) if (record := param.get_help_record(ctx))]
        with formatter.section(f"Options of {_DEFAULT}, which is the default"):
            formatter.write_dl(records)
        self.format_commands(ctx, formatter)


@click.group(cls=WorkerGroup)
def worker() -> None:
    """Run the project's worker.

    `gnosari worker` alone is `gnosari worker start`.
    """


for _command in (stop, restart, status):
    worker.add_command(_command)


@worker.command()
@worker_options
@process_options
@click.option("--no-wait", is_flag=True, help="Exit 3 if the server is not there, in place of waiting for it.")
@click.option("--attached", is_flag=True, hidden=True, help="Stop when standard input ends.")
@pass_invocation
def start(invocation: Invocation, /, *, watch: bool, no_wait: bool, attached: bool, **given: Any) -> int:
    """Run the worker in the foreground, until Ctrl-C or SIGTERM.

    It serves the workflows and consumers of the project's directory. Where the server is, is told by
    TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and Temporal's profiles.
    """
    options = split_options(given)
    processes = split_process_options(given)
    _check_combination(processes, watch=watch)
    if processes.detach:
        return detach(invocation, options, processes)
    if watch:
        from .watch import run_watched

        return asyncio.run(run_watched(invocation, options, no_wait=no_wait))
    # What is wrong with the project is said once, and before there is a pid file.
    settings, application = prepare(invocation, options, **processes.overrides())
    count = job_counter(settings, processes.report_to)
    supervised = processes.report_to is not None
    here = partial(_run, settings, application, wait=not no_wait, attached=attached, once=supervised, on_attempt=count)
    if supervised:
        return asyncio.run(here())  # one process of a supervisor, which has the pid file
    own = [*options.arguments(), *processes.arguments()]
    kind = "watched" if attached else "worker"
    with pid_file(invocation, settings, own, kind=kind, log_file=processes.log_file):
        if not is_supervised(settings):
            return asyncio.run(here())
        if no_wait:  # asked once, here: what processes find out later is no reason to give up
            asyncio.run(_check_server(settings))
        return asyncio.run(run_supervised(invocation, settings, own, attached=attached))


def _check_combination(processes: ProcessOptions, *, watch: bool) -> None:
    if watch and (processes.detach or processes.processes):
        raise click.UsageError("--watch is for development: leave out --detach and --processes")


async def _check_server(settings: Settings) -> None:
    await check_namespace(await connected(settings))


async def _run(
    settings: Settings,
    application: Application,
    *,
    wait: bool,
    attached: bool,
    once: bool,
    on_attempt: Callable[[], None],
) -> int:
    from ..worker import GnosariWorker
    from ..worker.signals import StopSignals

    with StopSignals(on_request=lambda: announce_stop(settings), once=once) as signals:
        if attached:
            stop_at_end_of_input(signals)
        client = await _connect(settings, application, signals) if wait else await connected(settings)
        if client is None:
            return ExitCode.OK
        client.registry = application.registry
        await check_namespace(client)
        worker = GnosariWorker(client, application, settings=settings, on_attempt=on_attempt)
        ended = await serve(worker, signals)
        if not ended:
            leave(ExitCode.OK)  # the event loop's own end would wait for what ignores its cancellation
    return ExitCode.OK


async def _connect(settings: Settings, application: Application, signals: StopSignals) -> GnosariClient | None:
    """Connect, waiting for a server that is not there yet; None if told to stop meanwhile."""
    from ..errors import ServerUnreachable

    delay = _FIRST_RETRY
    waited = False
    while not signals.requested.is_set():
        try:
            client = await connected(settings, registry=application.registry)
        except ServerUnreachable as error:
            if not waited:
                output.chatter(f"{error}; waiting for it")
                waited = True
        else:
            if waited:
                output.chatter("the server is there")
            return client
        try:
            async with asyncio.timeout(delay):
                await signals.requested.wait()
        except TimeoutError:
            delay = min(delay * 2, _LONGEST_RETRY)
    return None
