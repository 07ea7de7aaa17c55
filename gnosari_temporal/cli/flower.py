"""``gnosari flower``: where the Web UI is, for those who look for Flower."""

from __future__ import annotations

import click

from ..errors import SettingsError
from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation


@click.command()
@pass_invocation
def flower(invocation: Invocation) -> int:
    """Print the address of the Temporal Web UI, which shows what Flower showed."""
    settings = invocation.settings()
    output.result(settings.ui_address or _beside(settings.address))
    output.chatter("Flower is a monitor of Celery; jobs, workers and queues are in Temporal's Web UI.")
    return ExitCode.OK


def _beside(address: str) -> str:
    """The Web UI of a local server, which stands at a fixed distance from the server's port."""
    from ..server import UI_PORT_OFFSET

    host, _, port = address.rpartition(":")
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        raise SettingsError(f"where the Web UI of {address} is, only its operators know: set GNOSARI_UI_ADDRESS")
    return f"http://{host}:{int(port) + UI_PORT_OFFSET}"
