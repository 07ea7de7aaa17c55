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
    from .web_ui import web_ui_address

    settings = invocation.settings()
    address = web_ui_address(settings)
    if address is None:
        raise SettingsError(
            f"where the Web UI of {settings.address} is, only who started it knows: set GNOSARI_UI_ADDRESS to what "
            "`gnosari up` printed, or to what the server's operators say"
        )
    output.result(address)
    output.chatter("Flower is a monitor of Celery; jobs, workers and queues are in Temporal's Web UI.")
    return ExitCode.OK
