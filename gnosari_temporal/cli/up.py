"""``gnosari up``: the embedded server and the project's worker in one process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode, leave
from .invocation import Invocation, pass_invocation
from .processes import pid_file
from .server import EmbeddedOptions, embedded_server, ended_by_itself, print_addresses, server_options
from .serving import WorkerOptions, announce_stop, prepare, serve, split_options, worker_options
from .session import connected

if TYPE_CHECKING:
    from ..server import EmbeddedServer
    from ..settings import Settings
    from ..worker import Application, GnosariWorker
    from ..worker.signals import StopSignals


@click.command()
@server_options
@worker_options
@pass_invocation
def up(
    invocation: Invocation,
    /,
    *,
    port: int | None,
    ui_port: int | None,
    db: Path | None,
    ephemeral: bool,
    watch: bool,
    **given: Any,
) -> int:
    """Run a Temporal server and the project's worker, here and now.

    Prints the addresses of the Web UI and of the server. Ctrl-C ends both: running jobs finish within the grace,
    then the server stops. Jobs that wait are kept in the database file and go on with the next `gnosari up`.
    """
    options = split_options(given)
    in_order = invocation.settings(**options.overrides()).strict_order
    embedded = embedded_server(invocation, EmbeddedOptions(port, ui_port, db, ephemeral, in_order))
    if watch:
        return asyncio.run(_run_watched(invocation, embedded, options))
    settings, application = prepare(invocation, options)
    return asyncio.run(_run(invocation, embedded, settings, application, options))


async def _run(
    invocation: Invocation,
    embedded: EmbeddedServer,
    settings: Settings,
    application: Application,
    options: WorkerOptions,
) -> int:
    from ..worker import GnosariWorker
    from ..worker.signals import StopSignals

    with StopSignals(on_request=lambda: announce_stop(settings)) as signals:
        async with embedded:
            _announce(embedded)
            here = invocation.settings(**options.overrides())
            client = await connected(here, registry=application.registry)
            with pid_file(invocation, here, kind="up"):
                ended = await _until_stopped(embedded, GnosariWorker(client, application, settings=here), signals)
        if not ended:
            leave(ExitCode.OK)  # the event loop's own end would wait for what ignores its cancellation
    return ExitCode.OK


async def _until_stopped(embedded: EmbeddedServer, worker: GnosariWorker, signals: StopSignals) -> bool:
    working = asyncio.create_task(serve(worker, signals))
    ending = asyncio.create_task(ended_by_itself(embedded))
    await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        output.error(str(ending.result()))
        leave(ExitCode.UNREACHABLE)  # without its server the worker has nobody to report its jobs to
    ending.cancel()
    return working.result()


async def _run_watched(invocation: Invocation, embedded: EmbeddedServer, options: WorkerOptions) -> int:
    from ..worker.signals import StopSignals
    from .watch import WatchedWorker

    watched = WatchedWorker(invocation, options)
    with StopSignals(at_once=watched.kill) as signals:
        async with embedded:
            _announce(embedded)
            working = asyncio.create_task(watched.run(signals.requested))
            ending = asyncio.create_task(ended_by_itself(embedded))
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                watched.kill()
                raise ending.result()
            ending.cancel()
            working.result()
    return ExitCode.OK


def _announce(embedded: EmbeddedServer) -> None:
    from ..settings import point_at_local_server

    print_addresses(embedded)
    # What consumers send from within this process, or from one that it starts, goes to this server too.
    point_at_local_server(embedded.address, embedded.ui_address)
