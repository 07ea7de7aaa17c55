"""``gnosari send``: sends a message of the project."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import DURATION, EXPIRY, JSON_OBJECT, MESSAGE_TYPE, PRIORITY, TIME
from .session import call

if TYPE_CHECKING:
    from ..client import GnosariClient
    from ..messages import BaseMessage


@click.command()
@click.argument("message_type", metavar="[TYPE]", type=MESSAGE_TYPE, required=False)
@click.argument("data", metavar="[JSON]", type=JSON_OBJECT, required=False)
@click.option(
    "--file",
    "file",
    metavar="FILE",
    help="Send the lines of a file as a batch, `-` those of standard input; see below.",
)
@click.option("--batch", "batch_id", metavar="ID", help="Id of the batch of --file: given twice it is one batch.")
@click.option("--light", is_flag=True, help="Run the batch of --file light: faster, without priorities and lanes.")
@click.option("--as-workflows", is_flag=True, help="Make a job of its own of every message of --file.")
@click.option("--priority", type=PRIORITY, metavar="1-10", help="Lower first.  [default: the message's own]")
@click.option("--queue", metavar="NAME", help="Queue in place of the consumer's.")
@click.option("--delay", type=DURATION, metavar="DURATION", help="Start only after this long: 30s, 10m, 1h30m.")
@click.option("--at", type=TIME, metavar="TIME", help="Start only then: ISO 8601; UTC without a zone.")
@click.option(
    "--expires",
    type=EXPIRY,
    metavar="DURATION|TIME",
    help="Not started by then, it is EXPIRED and never runs.",
)
@click.option("--id", "message_id", metavar="ID", help="Message id: the same id sent twice is one job.")
@click.option("--fairness-key", metavar="KEY", help="Jobs of one priority are dealt evenly between keys.")
@click.option("--wait", is_flag=True, help="Wait, and print the result as JSON.")
@click.option("--timeout", type=DURATION, metavar="DURATION", help="How long --wait waits.  [default: without end]")
@pass_invocation
def send(
    invocation: Invocation,
    /,
    *,
    message_type: str | None,
    data: dict[str, Any] | None,
    file: str | None,
    batch_id: str | None,
    light: bool,
    as_workflows: bool,
    message_id: str | None,
    wait: bool,
    timeout: timedelta | None,
    **options: int | str | timedelta | datetime | None,
) -> int:
    """Send a message: it becomes a job.

    TYPE is the name of a message type of the project, JSON its fields as an object, `-` to read it from standard
    input. Prints the job's id alone, or with --wait the result.

    With --file each line is a message: its fields where TYPE is given, else {"type": TYPE, "message": {...}}, beside
    which options may stand ("priority": 2). Prints the batch's id, or with --wait the results, one JSON object a line.
    """
    if timeout is not None and not wait:
        raise click.UsageError("--timeout is how long --wait waits: give --wait too")
    if options["delay"] is not None and options["at"] is not None:
        raise click.UsageError("--delay and --at exclude each other: give one of them")
    given = {name: value for name, value in options.items() if value is not None}
    if file is not None:
        if data is not None or message_id is not None:
            raise click.UsageError("with --file the messages stand in the file: leave JSON and --id out")
        from .send_file import FileOptions, send_file

        return send_file(
            invocation,
            FileOptions(
                path=file,
                message_type=message_type,
                batch_id=batch_id,
                light=light,
                as_workflows=as_workflows,
                wait=wait,
                timeout=timeout,
                options=given,
            ),
        )
    if batch_id is not None or light or as_workflows:
        raise click.UsageError("--batch, --light and --as-workflows are options of --file: give it too")
    if message_type is None or data is None:
        missing = "TYPE" if message_type is None else "JSON"
        raise click.UsageError(f"Missing argument '{missing}': gnosari send TYPE JSON, or gnosari send --file FILE")
    from ..messages import parse_message
    from .project import load

    settings = invocation.settings()
    registry = load(settings).registry
    fields = {**data, "message_id": message_id} if message_id is not None else data
    message = parse_message(registry.message_type(message_type), json.dumps(fields))

    async def work(client: GnosariClient) -> None:
        await _send(client, message, given, wait=wait, timeout=timeout)

    call(settings, work, registry=registry, debug=invocation.debug)
    return ExitCode.OK


async def _send(
    client: GnosariClient, message: BaseMessage, options: dict[str, Any], *, wait: bool, timeout: timedelta | None
) -> None:
    job = await client.send(message, **options)
    if not wait:
        output.result(job.id)
        return
    output.chatter(job.id)
    output.result_json(await job.result(timeout))
