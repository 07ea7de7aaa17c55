"""``gnosari schedule``: messages that the server sends again and again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import DURATION, JSON_OBJECT, MESSAGE_TYPE, PRIORITY, TIME, json_option
from .session import call

if TYPE_CHECKING:
    from ..client import GnosariClient, ScheduleStatus

OVERLAPS = ("skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all")
_SHOWN = 60
_NEXT = 3


@click.group()
def schedule() -> None:
    """Send messages again and again, by cron or interval.

    Every firing is a job of its own: TYPE/SCHEDULE-TIME.
    """


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.argument("message_type", metavar="TYPE", type=MESSAGE_TYPE)
@click.argument("data", metavar="JSON", type=JSON_OBJECT)
@click.option("--cron", multiple=True, metavar="CRON", help="'MINUTE HOUR DAY MONTH WEEKDAY', or @daily; repeatable.")
@click.option("--every", type=DURATION, metavar="DURATION", help="Interval: 30s, 10m, 1h30m.")
@click.option("--offset", type=DURATION, metavar="DURATION", help="Shift of the interval.")
@click.option("--time-zone", metavar="ZONE", help="Zone that --cron is read in: Europe/Berlin.  [default: UTC]")
@click.option(
    "--overlap",
    type=click.Choice(OVERLAPS, case_sensitive=False),
    metavar="POLICY",
    help=f"If the last job still runs: {', '.join(OVERLAPS)}.  [default: skip]",
)
@click.option("--catch-up", type=DURATION, metavar="DURATION", help="How late a missed firing may be made up for.")
@click.option("--jitter", type=DURATION, metavar="DURATION", help="Every firing is late by a random time up to this.")
@click.option("--start-at", type=TIME, metavar="TIME", help="No firing before: ISO 8601; UTC without a zone.")
@click.option("--end-at", type=TIME, metavar="TIME", help="No firing after.")
@click.option("--priority", type=PRIORITY, metavar="1-10", help="Lower first.  [default: the message's own]")
@click.option("--queue", metavar="NAME", help="Queue in place of the consumer's.")
@click.option("--expires", type=DURATION, metavar="DURATION", help="Not started so long after, a job never runs.")
@click.option("--paused", is_flag=True, help="Make it paused.")
@click.option("--note", metavar="TEXT", default="", help="Words for people.")
@click.option("--replace", is_flag=True, help="Change the schedule that has the ID, if there is one.")
@pass_invocation
def create(
    invocation: Invocation,
    /,
    *,
    schedule_id: str,
    message_type: str,
    data: dict[str, Any],
    cron: tuple[str, ...],
    paused: bool,
    note: str,
    replace: bool,
    **options: Any,
) -> int:
    """Make a schedule that sends a message of the project."""
    from ..errors import ScheduleExists
    from ..messages import parse_message
    from .project import load

    settings = invocation.settings()
    registry = load(settings).registry
    message = parse_message(registry.message_type(message_type), json.dumps(data))
    given = {name: value for name, value in options.items() if value is not None}
    if cron:
        given["cron"] = cron

    async def work(client: GnosariClient) -> None:
        try:
            await client.schedules.create(schedule_id, message, paused=paused, note=note, **given)
        except ScheduleExists:
            if not replace:
                raise
            await client.schedules.update(schedule_id, message, paused=paused, note=note, **given)
        output.result(schedule_id)

    call(settings, work, registry=registry, debug=invocation.debug)
    return ExitCode.OK


@schedule.command(name="list")
@json_option
@pass_invocation
def list_(invocation: Invocation, /, *, as_json: bool) -> int:
    """List schedules."""

    async def work(client: GnosariClient) -> None:
        found = [status async for status in client.schedules.list()]
        found.sort(key=lambda status: status.id)
        if as_json:
            output.result_json([status.model_dump(mode="json") for status in found])
        elif found:
            columns = ("SCHEDULE", "TYPE", "WHEN", "STATE", "NEXT", "LAST", "NOTE")
            output.table(columns, [_row(status) for status in found])
        else:
            output.chatter("no schedules")

    return _call(invocation, work)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@json_option
@pass_invocation
def show(invocation: Invocation, /, *, schedule_id: str, as_json: bool) -> int:
    """Show a schedule and what it did."""

    async def work(client: GnosariClient) -> None:
        status = await client.schedules.status(schedule_id)
        if as_json:
            output.result_json(status.model_dump(mode="json"))
        else:
            _show(status)

    return _call(invocation, work)


def _simple(name: str, done: str, help: str, *, note: bool = False) -> None:
    """A command that does one thing to one schedule."""

    @pass_invocation
    def run(invocation: Invocation, /, *, schedule_id: str, **options: str) -> int:
        async def work(client: GnosariClient) -> None:
            await getattr(client.schedules, name)(schedule_id, **options)
            output.chatter(f"{done} {schedule_id}")

        return _call(invocation, work)

    run.__name__ = name
    command: Any = click.argument("schedule_id", metavar="ID")(run)
    if note:
        command = click.option("--note", metavar="TEXT", default="", help="Words for people.")(command)
    schedule.command(name=name, help=help)(command)


_simple("pause", "paused", "Stop firing; a job that runs goes on.", note=True)
_simple("unpause", "unpaused", "Fire again; what was missed in the pause is not made up for.", note=True)
_simple("trigger", "triggered", "Fire now, also while it is paused.")
_simple("delete", "deleted", "Forget a schedule; a job that runs goes on.")


def _call(invocation: Invocation, work: Callable[[GnosariClient], Awaitable[None]]) -> int:
    call(invocation.settings(), work, debug=invocation.debug)
    return ExitCode.OK


def _row(status: ScheduleStatus) -> tuple[object, ...]:
    from ..messages import shorten

    return (
        status.id,
        status.type,
        status.timing.in_words() if status.timing else "",
        "paused" if status.paused else "active",
        output.age(status.next[0]) if status.next else "",
        output.age(status.recent[-1].started_at) if status.recent else "",
        shorten(status.note, _SHOWN),
    )


def _show(status: ScheduleStatus) -> None:
    timing = status.timing
    output.fields(
        {
            "schedule": status.id,
            "state": "paused" if status.paused else "active",
            "note": status.note,
            "type": status.type,
            "message": json.dumps(status.message, ensure_ascii=False, default=str),
            "when": timing.in_words() if timing else "",
            "overlap": timing.overlap if timing else "",
            "queue": status.queue,
            "priority": status.priority,
            "next": ", ".join(moment.astimezone().isoformat(sep=" ") for moment in status.next[:_NEXT]),
            "running": ", ".join(status.running),
            "fired": status.fired,
            "skipped": status.skipped or None,
            "missed": status.missed or None,
        }
    )
    if status.recent:
        click.echo()
        output.table(("JOB", "DUE", "STARTED"), [(j.job_id, j.scheduled_at, j.started_at) for j in status.recent])
