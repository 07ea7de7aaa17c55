"""``gnosari server``: the embedded Temporal server alone; and the options of the server, which ``up`` has too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import SettingOption
from .project import DATA_FOLDER, data_folder

if TYPE_CHECKING:
    from ..server import EmbeddedServer

F = TypeVar("F", bound=Callable[..., Any])

DATABASE = "temporal.db"

_SERVER_LOG_LEVELS = ("debug", "info", "warn", "error", "never")

_OPTIONS = (
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        cls=SettingOption,
        shown_default="7233",
        help="Port of the server; 0: a free one.",
    ),
    click.option(
        "--ui-port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        cls=SettingOption,
        shown_default="the port + 1000",
        help="Port of the Web UI; 0: a free one.",
    ),
    click.option(
        "--db",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        cls=SettingOption,
        shown_default=f"{DATA_FOLDER}/{DATABASE} in the project's directory",
        help="Database file.",
    ),
    click.option("--ephemeral", is_flag=True, help="Keep nothing: all is forgotten when the server stops."),
)


@dataclass(frozen=True)
class EmbeddedOptions:
    """The options of an embedded server on the command line."""

    port: int | None = None
    ui_port: int | None = None
    db: Path | None = None
    ephemeral: bool = False
    strict_order: bool = False


def server_options(command: F) -> F:
    """The options that ``gnosari server`` and ``gnosari up`` share; ``embedded_server`` takes them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def embedded_server(invocation: Invocation, options: EmbeddedOptions, **rest: Any) -> EmbeddedServer:
    """An embedded server as the options say, not started; ``rest`` are fields of ``ServerOptions``.

    Raises:
        click.UsageError: two options contradict each other.
        SettingsError: a value cannot work.
    """
    from ..server import DEFAULT_PORT, EmbeddedServer, ServerOptions, dynamic_config

    if options.db and options.ephemeral:
        raise click.UsageError("--db keeps everything, --ephemeral keeps nothing: give one of them")
    db = None if options.ephemeral else options.db or _default_database(invocation.project_dir)
    port = DEFAULT_PORT if options.port is None else options.port
    config = dynamic_config(strict_order=options.strict_order)
    return EmbeddedServer(ServerOptions(port=port, ui_port=options.ui_port, db=db, dynamic_config=config, **rest))


def _default_database(project_dir: Path) -> Path:
    try:
        return data_folder(project_dir) / DATABASE
    except OSError as error:
        raise click.UsageError(
            f"{project_dir / DATA_FOLDER} cannot be made for the database: {error.strerror}; choose a file with --db, "
            "or --ephemeral"
        ) from error


def print_addresses(server: EmbeddedServer) -> None:
    """Where the server and its Web UI are, on stdout."""
    from ..server import DEFAULT_PORT

    if server.ui_address:
        output.result(f"Web UI  {server.ui_address}")
    output.result(f"Server  {server.address}")
    output.chatter(f"database {server.options.db}" if server.options.db else "nothing is kept (--ephemeral)")
    if server.options.port != DEFAULT_PORT:
        output.chatter(f"in other shells: export TEMPORAL_ADDRESS={server.address}")


async def ended_by_itself(server: EmbeddedServer) -> Exception:
    """Wait until the server ends unasked; the error that says so."""
    from ..errors import ServerError

    code = await server.wait()
    last = server.log()[-1:]
    return ServerError(f"the embedded server ended by itself with exit code {code}{f': {last[0]}' if last else ''}")


@click.command()
@server_options
@click.option(
    "--ip",
    metavar="IP",
    cls=SettingOption,
    shown_default="127.0.0.1",
    help="Address to listen on; 0.0.0.0: every network, without any protection.",
)
@click.option(
    "--strict-order",
    is_flag=True,
    flag_value=True,
    default=None,
    cls=SettingOption,
    variable="GNOSARI_STRICT_ORDER",
    help="For workers with --strict-order: hand on tasks one by one.",
)
@click.option("--headless", is_flag=True, help="Without the Web UI.")
@click.option("--namespace", metavar="NAME", help="Namespace to have beside `default`.")
@click.option(
    "--server-loglevel",
    type=click.Choice(_SERVER_LOG_LEVELS),
    metavar="LEVEL",
    cls=SettingOption,
    shown_default="warn",
    help=f"{', '.join(_SERVER_LOG_LEVELS)}.",
)
@click.option(
    "--log-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="File for the server's log."
)
@pass_invocation
def server(
    invocation: Invocation,
    /,
    *,
    port: int | None,
    ui_port: int | None,
    db: Path | None,
    ephemeral: bool,
    strict_order: bool | None,
    server_loglevel: str | None,
    **rest: Any,
) -> int:
    """Run the embedded Temporal server alone.

    It is the real server with its Web UI, tuned for this package, on this machine; Ctrl-C stops it. For production
    use a Temporal cluster or Temporal Cloud.
    """
    given = {name: value for name, value in {**rest, "log_level": server_loglevel}.items() if value is not None}
    in_order = invocation.settings(strict_order=strict_order).strict_order
    embedded = embedded_server(invocation, EmbeddedOptions(port, ui_port, db, ephemeral, in_order), **given)
    return asyncio.run(_run(embedded))


async def _run(embedded: EmbeddedServer) -> int:
    from ..worker.signals import StopSignals

    with StopSignals() as signals:
        async with embedded:
            print_addresses(embedded)
            stopping = asyncio.create_task(signals.requested.wait())
            ending = asyncio.create_task(ended_by_itself(embedded))
            await asyncio.wait({stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise ending.result()
            ending.cancel()
    return ExitCode.OK
