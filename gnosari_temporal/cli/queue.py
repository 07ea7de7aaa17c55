"""``gnosari queue list``: what waits on every queue, how fast it moves and who serves it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import DURATION, json_option

if TYPE_CHECKING:
    from ..client import GnosariClient
    from ..client.queues import QueueState
    from ..settings import Settings
    from ..worker import Application

_SHORTEST_PAUSE = timedelta(seconds=0.2)
_COLUMNS = ("QUEUE", "WAITING", "OLDEST", "IN/S", "OUT/S", "BY PRIORITY", "LIMIT", "WORKERS")


@click.group()
def queue() -> None:
    """Look at queues."""


@queue.command("list")
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--every", type=DURATION, default=timedelta(seconds=2), metavar="DURATION", help="Pause of --watch.  [default: 2s]"
)
@json_option
@pass_invocation
def list_queues(invocation: Invocation, watch: bool, every: timedelta, as_json: bool) -> int:
    """Show every queue: of the project, of the settings, and every other with a job on the server.

    WAITING counts tasks that no worker has taken, of workflows and of consumers, on all lanes; rates are the
    server's averages over half a minute.
    """
    from .session import call

    settings = invocation.settings()
    known = _known_queues(settings)

    async def work(client: GnosariClient) -> int:
        if watch:
            await _watch(client, settings, known, every, as_json=as_json)
        else:
            _show(await _states(client, settings, known), as_json=as_json)
        return ExitCode.OK

    return call(settings, work, debug=invocation.debug)


def _known_queues(settings: Settings) -> set[str]:
    """The queues of the settings, and of the project if there is one: those of its limited tools too."""
    from ..worker.tool_queues import with_tool_queues
    from ..worker.worker import default_queues

    application = _application(settings)
    served = default_queues(settings, application)
    settings, served = with_tool_queues(settings, served, application.limited_tools)
    declared = application.registry.declared_queues() | application.queues
    return {settings.default_queue, *settings.routes.values(), *settings.limits, *served, *declared}


def _application(settings: Settings) -> Application:
    from ..errors import GnosariError
    from ..worker import Application
    from .project import load

    folders = (settings.workflows_folder, settings.activities_folder)
    if settings.modules or settings.teams or any((settings.project_dir / folder).exists() for folder in folders):
        try:
            return load(settings)
        except GnosariError as error:  # what waits is to be seen all the more
            output.warning(f"the queues of the project are not known: {error}")
    return Application.build(settings)


async def _states(client: GnosariClient, settings: Settings, known: set[str]) -> list[QueueState]:
    from ..client.queues import queue_states, queues_in_use

    return await queue_states(client.temporal, await queues_in_use(client.temporal, known), settings.lanes)


def _show(states: list[QueueState], *, as_json: bool) -> None:
    if as_json:
        output.result_json([_as_data(state) for state in states])
        return
    output.table(_COLUMNS, [_row(state) for state in states])
    for state in states:
        if state.waiting and not state.workers:
            output.warning(
                f"no worker serves {state.name}, where {state.waiting} wait: `gnosari worker --queue {state.name}`"
            )


async def _watch(
    client: GnosariClient, settings: Settings, known: set[str], every: timedelta, *, as_json: bool
) -> None:
    from temporalio.service import RPCError

    from ..client.connection import has_no_answer, unreachable

    while True:
        try:
            states = await _states(client, settings, known)
        except RPCError as error:
            if not has_no_answer(error):
                raise
            output.warning(str(unreachable(settings.address, error)))  # it may come back
        else:
            if not as_json:
                click.clear()
            _show(states, as_json=as_json)
        await asyncio.sleep(max(every, _SHORTEST_PAUSE).total_seconds())


def _row(state: QueueState) -> list[object]:
    from ..durations import format_duration

    oldest = timedelta(seconds=round(state.oldest.total_seconds()))
    limits = [f"{state.limit_per_second:g}/s"] if state.limit_per_second is not None else []
    if state.limit_per_fairness_key is not None:
        limits.append(f"{state.limit_per_fairness_key:g}/s a key")
    return [
        state.name,
        state.waiting,
        format_duration(oldest) if state.waiting else "",
        f"{state.added_per_second:.1f}",
        f"{state.started_per_second:.1f}",
        " ".join(f"{key}:{count}" for key, count in state.waiting_by_key.items()),
        ", ".join(limits),
        ", ".join(state.workers) or click.style("none", fg="red"),
    ]


def _as_data(state: QueueState) -> dict[str, Any]:
    return {
        "queue": state.name,
        "waiting": state.waiting,
        "oldest_seconds": state.oldest.total_seconds(),
        "added_per_second": state.added_per_second,
        "started_per_second": state.started_per_second,
        "waiting_by_priority": state.waiting_by_key,
        "limit_per_second": state.limit_per_second,
        "limit_per_fairness_key": state.limit_per_fairness_key,
        "workers": list(state.workers),
        "task_queues": [part.model_dump(mode="json") for part in state.task_queues],
    }
