"""``gnosari demo``: everything that a job can do, once, on a Temporal server of its own."""

from __future__ import annotations

import click

from ..exits import ExitCode
from ..invocation import Invocation, pass_invocation
from ..params import json_option


@click.command()
@click.option("--keep", is_flag=True, help="Leave the server, its Web UI and the worker up until Ctrl-C.")
@json_option
@pass_invocation
@click.pass_context
def demo(ctx: click.Context, invocation: Invocation, keep: bool, as_json: bool) -> None:
    """Show everything in one go on a server of its own.

    A Temporal server starts on free ports and forgets everything when it stops; the application is the one that
    `gnosari init` writes. What happened is read from the server and compared with what should have: the command
    ends with 0 only if all of it did.
    """
    from .run import run_demo

    if not run_demo(keep=keep, as_json=as_json, debug=invocation.debug):
        ctx.exit(ExitCode.JOB_FAILED)
