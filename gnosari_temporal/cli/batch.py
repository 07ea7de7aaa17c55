"""``gnosari batch``: looks at batches, prints their results, cancels them."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import DURATION, json_option
from .session import call

if TYPE_CHECKING:
    from ..client import BatchHandle, GnosariClient, Outcome


@click.group()
def batch() -> None:
    """Look at batches, print their results and cancel them.

    A batch's ID is what `gnosari send --file` prints. One message of it is the job ID#MESSAGE_ID.
    """


@batch.command()
@click.argument("batch_id", metavar="ID")
@click.option("--failed", is_flag=True, help="Also list the messages that failed.")
@json_option
@pass_invocation
def show(invocation: Invocation, /, *, batch_id: str, failed: bool, as_json: bool) -> int:
    """Show how far a batch is."""

    async def work(client: GnosariClient) -> None:
        from ..client import JobState
        from ..client.handle import no_such_job

        handle = client.batch(batch_id)
        status = await handle.status()
        if status.state is JobState.NOT_FOUND:
            raise no_such_job(batch_id, "batch")
        failures = [describe(outcome) for outcome in await handle.failures()] if failed and status.failed else []
        if as_json:
            listed = {"failures": failures} if failed else {}
            output.result_json({**status.model_dump(mode="json"), "waiting": status.waiting, **listed})
            return
        output.fields(
            {
                "batch": status.id,
                "state": output.state(status.state),
                "reason": status.reason,
                "messages": status.total if status.complete else f"{status.total} so far: the sender has not finished",
                "done": status.done,
                "failed": status.failed,
                "running": status.running,
                "waiting": status.waiting,
            }
        )
        if failures:
            click.echo()
            output.table(("PLACE", "JOB", "ERROR"), [(f["index"], f["job"], f["error"]["message"]) for f in failures])

    call(invocation.settings(), work, debug=invocation.debug)
    return ExitCode.OK


@batch.command()
@click.argument("batch_id", metavar="ID")
@click.option("--timeout", type=DURATION, metavar="DURATION", help="How long to wait.  [default: without end]")
@click.option("--as-completed", is_flag=True, help="Print results as they come, not in the order sent.")
@pass_invocation
def results(invocation: Invocation, /, *, batch_id: str, timeout: timedelta | None, as_completed: bool) -> int:
    """Wait for a batch and print its results, one JSON object a line.

    Exit code 1 if a message failed.
    """

    async def work(client: GnosariClient) -> int:
        handle = client.batch(batch_id)
        return await print_outcomes(handle, timeout, as_completed=as_completed)

    return call(invocation.settings(), work, debug=invocation.debug)


@batch.command()
@click.argument("batch_id", metavar="ID")
@pass_invocation
def cancel(invocation: Invocation, /, *, batch_id: str) -> int:
    """Ask every message that is not over to stop."""

    async def work(client: GnosariClient) -> None:
        await client.batch(batch_id).cancel()
        output.chatter(f"asked {batch_id} to stop")

    call(invocation.settings(), work, debug=invocation.debug)
    return ExitCode.OK


async def print_outcomes(handle: BatchHandle, timeout: timedelta | None, *, as_completed: bool = False) -> ExitCode:
    """Print every outcome as a line of JSON on stdout, as it is known.

    Raises:
        ResultTimeout: the batch is not finished in time.
        JobNotFound: the server has no such batch.
    """
    failed = False
    async with handle.within(timeout):
        if as_completed:
            async with aclosing(handle.as_completed()) as pairs:
                async for _, outcome in pairs:
                    output.result(json.dumps(describe(outcome), ensure_ascii=False, default=str))
                    failed |= not outcome.ok
        else:
            async with aclosing(handle.outcomes()) as outcomes:
                async for outcome in outcomes:
                    output.result(json.dumps(describe(outcome), ensure_ascii=False, default=str))
                    failed |= not outcome.ok
    return ExitCode.JOB_FAILED if failed else ExitCode.OK


def describe(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain data."""
    known: dict[str, Any] = {"index": outcome.index, "job": outcome.job_id}
    if outcome.error is None:
        return {**known, "result": outcome.value}
    kind = getattr(outcome.error, "exception_type", "") or type(outcome.error).__name__
    return {**known, "error": {"type": kind, "message": str(outcome.error)}}
