"""``gnosari worker stop|restart|status``: the workers of this project and, for status, of the server."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import DURATION, json_option

if TYPE_CHECKING:
    from datetime import timedelta

    from ..client import GnosariClient
    from ..client.workers import WorkerState
    from ..settings import Settings
    from ..worker.pidfile import WorkerRecord

_BEYOND_GRACE = 15.0


def _chosen(invocation: Invocation, pids: Sequence[int]) -> list[WorkerRecord]:
    from ..worker.pidfile import folder, read_records

    records = read_records(invocation.project_dir)
    unknown = sorted(set(pids) - {record.pid for record in records})
    if unknown:
        known = ", ".join(str(record.pid) for record in records) or "none"
        raise click.UsageError(
            f"no worker of this project has process id {', '.join(map(str, unknown))}; running are {known} "
            f"(pid files in {folder(invocation.project_dir)})"
        )
    return [record for record in records if not pids or record.pid in pids]


@click.command()
@click.argument("pids", nargs=-1, type=int, metavar="[PID]...")
@click.option("--now", is_flag=True, help="Do not let running jobs finish: they are repeated by another worker.")
@click.option(
    "--timeout",
    type=DURATION,
    metavar="DURATION",
    help="How long to wait for them to end.  [default: the grace and 15 s]",
)
@pass_invocation
def stop(invocation: Invocation, pids: tuple[int, ...], now: bool, timeout: timedelta | None) -> int:
    """Stop workers of this project on this machine: all, or those with the process ids.

    Running jobs finish within the workers' grace. Exit code 4 if there is no worker, or one does not end in time.
    """
    records = _chosen(invocation, pids)
    if not records:
        output.chatter("no worker of this project runs on this machine")
        return ExitCode.NOT_FOUND_OR_TIMEOUT
    return _stop(records, now=now, timeout=timeout)


@click.command()
@click.argument("pids", nargs=-1, type=int, metavar="[PID]...")
@pass_invocation
def restart(invocation: Invocation, pids: tuple[int, ...]) -> int:
    """Stop workers of this project and start them in the background, with the options they had."""
    from ..worker.pidfile import Kind
    from .processes import start_detached

    records = _chosen(invocation, pids)
    if not records:
        output.chatter("no worker of this project runs on this machine: `gnosari worker start --detach` starts one")
        return ExitCode.NOT_FOUND_OR_TIMEOUT
    for record in records:
        if record.kind is not Kind.WORKER:
            raise click.UsageError(f"worker {record.pid} is {_where(record)}: start that again where it runs")
    code = _stop(records, now=False, timeout=None)
    if code:
        return code
    codes = [start_detached(invocation, record.arguments) for record in records]
    return next((code for code in codes if code), ExitCode.OK)


def _stop(records: Sequence[WorkerRecord], *, now: bool, timeout: timedelta | None) -> int:
    for record in records:
        _signal(record)
    if now:
        # The second signal ends a worker at once; sent as soon as the first was surely heard.
        time.sleep(0.3)
        for record in records:
            _signal(record)
    longest = max(record.grace for record in records).total_seconds() + _BEYOND_GRACE
    limit = timeout.total_seconds() if timeout is not None else longest
    deadline = time.monotonic() + limit
    left = list(records)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        for record in [record for record in left if not record.alive]:
            left.remove(record)
            output.result(str(record.pid))
            output.chatter(f"worker {record.pid} has stopped")
    for record in left:
        output.error(f"worker {record.pid} still runs after {limit:g} s: `gnosari worker stop --now {record.pid}`")
    return ExitCode.NOT_FOUND_OR_TIMEOUT if left else ExitCode.OK


def _signal(record: WorkerRecord) -> None:
    if not record.alive:
        return
    try:
        os.kill(record.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise click.UsageError(f"worker {record.pid} is another user's: stop it as that user") from None


@click.command()
@json_option
@pass_invocation
def status(invocation: Invocation, as_json: bool) -> int:
    """Show the workers of this project on this machine, and all that the server hears from.

    Exit code 4 if there is none.
    """
    from temporalio.service import RPCError

    from ..errors import ServerError
    from ..worker.pidfile import read_records
    from .session import call

    settings = invocation.settings()
    records = read_records(invocation.project_dir)
    remote: list[WorkerState] | None
    try:
        remote = call(settings, lambda client: _workers(client, settings), debug=invocation.debug)
    except (ServerError, RPCError) as error:
        output.warning(str(error))
        remote = None
    if as_json:
        output.result_json(_as_data(records, remote))
    else:
        _show(records, remote)
    return ExitCode.OK if records or remote else ExitCode.NOT_FOUND_OR_TIMEOUT


async def _workers(client: GnosariClient, settings: Settings) -> list[WorkerState]:
    from ..client.workers import worker_states

    queues = {settings.default_queue, *settings.routes.values()}
    return await worker_states(client.temporal, queues, settings.lanes)


def _as_data(records: Sequence[WorkerRecord], remote: Sequence[WorkerState] | None) -> dict[str, Any]:
    local = [{**record.model_dump(mode="json"), "memory_bytes": record.memory_bytes} for record in records]
    seen = None if remote is None else [state.model_dump(mode="json") for state in remote]
    return {"local": local, "server": seen}


def _where(record: WorkerRecord) -> str:
    return {"up": "part of `gnosari up`", "watched": "under --watch"}.get(record.kind, "in the foreground")


def _show(records: Sequence[WorkerRecord], remote: Sequence[WorkerState] | None) -> None:
    if records:
        output.chatter("On this machine:")
        output.table(
            ["PID", "RUNS FOR", "PROCESSES", "MEMORY", "SERVER", "QUEUES", "LOG"],
            [
                [
                    record.pid,
                    output.age(record.started_at),
                    record.processes,
                    f"{record.memory_bytes // 2**20} MB",
                    f"{record.address}/{record.namespace}",
                    ",".join(record.queues) or "all of the project",
                    record.log or _where(record),
                ]
                for record in records
            ],
        )
    if remote:
        output.chatter("Heard by the server:")
        output.table(
            ["WORKER", "HOST", "RUNS FOR", "SLOTS USED", "JOBS DONE", "TASK QUEUES"],
            [
                [
                    state.identity,
                    state.host,
                    output.age(state.started_at),
                    f"{sum(p.slots_used for p in state.pools)}/{sum(p.slots_used + p.slots_free for p in state.pools)}",
                    sum(pool.jobs_done for pool in state.pools),
                    ",".join(pool.task_queue for pool in state.pools),
                ]
                for state in remote
            ],
        )
    if not records and not remote:
        output.chatter("no worker: `gnosari worker` starts one")
