"""``gnosari job``: looks at jobs, waits for them, cancels and answers them."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import DURATION, JOB_STATES, json_option
from .session import call

if TYPE_CHECKING:
    from ..client import GnosariClient, JobStatus

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = 80


@click.group()
def job() -> None:
    """Look at jobs, wait for them, cancel and answer them.

    A job's ID is what `gnosari send` prints: TYPE/MESSAGE_ID.
    """


def _job_argument(command: F) -> F:
    decorated: F = click.argument("job_id", metavar="ID")(command)
    return decorated


def _call(invocation: Invocation, work: Callable[[GnosariClient], Awaitable[None]]) -> int:
    call(invocation.settings(), work, debug=invocation.debug)
    return ExitCode.OK


@job.command()
@_job_argument
@json_option
@pass_invocation
def show(invocation: Invocation, /, *, job_id: str, as_json: bool) -> int:
    """Show where a job stands."""

    async def work(client: GnosariClient) -> None:
        status = await _status(client, job_id)
        if as_json:
            output.result_json(status.model_dump(mode="json"))
        else:
            _show(status, client.settings.ui_address, client.temporal.namespace)

    return _call(invocation, work)


async def _status(client: GnosariClient, job_id: str) -> JobStatus:
    from ..client import JobState
    from ..client.handle import no_such_job
    from ..errors import JobNotFound

    status = await client.job(job_id).status()
    if status.state is not JobState.NOT_FOUND:
        return status
    if "/" in job_id or "#" in job_id:
        raise no_such_job(job_id)
    hint = "a job's id is TYPE/MESSAGE_ID, as `gnosari send` prints it"
    raise JobNotFound(f"no job {job_id} on the server: {hint}", job_id=job_id)


def _show(status: JobStatus, ui_address: str | None, namespace: str) -> None:
    from ..client.locating import is_member_id
    from ..routing import workflow_page

    # One message of a batch or canvas has no page of its own.
    workflow = status.parent if is_member_id(status.id) else status.id
    output.fields(
        {
            "job": status.id,
            "state": output.state(status.state),
            "reason": status.reason,
            "summary": status.summary,
            "type": status.type,
            "queue": status.queue,
            "priority": status.priority,
            "attempt": status.attempt,
            "next attempt": status.next_attempt_at,
            "worker": status.worker,
            "progress": status.progress,
            "question": ", ".join(f"{question.key}: {question.question}" for question in status.questions),
            "answer by": min((q.until for q in status.questions if q.until), default=None),
            "sent": status.created_at,
            "starts": status.starts_at if status.starts_at != status.created_at else None,
            "expires": status.expires_at,
            "ended": status.ended_at,
            "parent": status.parent,
            "Web UI": workflow_page(ui_address, namespace, workflow, status.run_id) if ui_address else None,
        }
    )


@job.command()
@_job_argument
@click.option("--timeout", type=DURATION, metavar="DURATION", help="How long to wait.  [default: without end]")
@pass_invocation
def result(invocation: Invocation, /, *, job_id: str, timeout: timedelta | None) -> int:
    """Wait for a job and print its result as JSON."""

    async def work(client: GnosariClient) -> None:
        output.result_json(await client.job(job_id).result(timeout))

    return _call(invocation, work)


@job.command()
@_job_argument
@pass_invocation
def cancel(invocation: Invocation, /, *, job_id: str) -> int:
    """Ask a job to stop: its consumer is cancelled within about a second."""

    async def work(client: GnosariClient) -> None:
        await client.job(job_id).cancel()
        output.chatter(f"asked {job_id} to stop")

    return _call(invocation, work)


def _answer_options(command: F) -> F:
    for option in (
        click.option("--key", metavar="KEY", default="", help="Which question, where several are open."),
        click.option("--by", metavar="NAME", help="Who answers.  [default: the user's name]"),
        click.option("--reason", metavar="TEXT", help="Why."),
        click.argument("job_id", metavar="ID"),
    ):
        command = option(command)
    return command


@job.command()
@_answer_options
@pass_invocation
def approve(invocation: Invocation, /, *, job_id: str, reason: str | None, by: str | None, key: str) -> int:
    """Answer yes to what a job waits for."""

    async def work(client: GnosariClient) -> None:
        await client.job(job_id).approve(reason=reason, by=by or _user(), key=key)
        output.chatter(f"approved {job_id}")

    return _call(invocation, work)


@job.command()
@_answer_options
@pass_invocation
def reject(invocation: Invocation, /, *, job_id: str, reason: str | None, by: str | None, key: str) -> int:
    """Answer no to what a job waits for."""

    async def work(client: GnosariClient) -> None:
        await client.job(job_id).reject(reason=reason, by=by or _user(), key=key)
        output.chatter(f"rejected {job_id}")

    return _call(invocation, work)


def _user() -> str | None:
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return None


@job.command()
@_job_argument
@click.argument("text")
@pass_invocation
def steer(invocation: Invocation, /, *, job_id: str, text: str) -> int:
    """Put a message before the agent of a run at its next turn."""

    async def work(client: GnosariClient) -> None:
        await client.job(job_id).steer(text)
        output.chatter(f"told {job_id}")

    return _call(invocation, work)


@job.command()
@_job_argument
@json_option
@pass_invocation
def tree(invocation: Invocation, /, *, job_id: str, as_json: bool) -> int:
    """Show what a job did and started, past or present: state, duration, tokens, and what ran when."""

    async def work(client: GnosariClient) -> None:
        from ..client.tree import JobTree
        from .tree_view import tree_lines

        root = await JobTree(client.temporal, job_id).read()
        if as_json:
            output.result_json(root.to_dict())
        else:
            output.result("\n".join(tree_lines(root)))

    return _call(invocation, work)


@job.command(name="list")
@click.option(
    "--status",
    type=click.Choice(JOB_STATES, case_sensitive=False),
    metavar="STATUS",
    help=f"Only jobs of this status: {', '.join(JOB_STATES)}.",
)
@click.option("--type", "message_type", metavar="TYPE", help="Only jobs of this message type.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most this many.")
@json_option
@pass_invocation
def list_(invocation: Invocation, /, *, status: str | None, message_type: str | None, limit: int, as_json: bool) -> int:
    """List jobs, newest first."""

    async def work(client: GnosariClient) -> None:
        found = [job async for job in client.jobs(state=status, type=message_type, limit=limit)]
        if as_json:
            output.result_json([job.model_dump(mode="json") for job in found])
        elif found:
            _list(found)
        else:
            output.chatter("no jobs")

    return _call(invocation, work)


def _list(jobs: list[JobStatus]) -> None:
    from ..messages import shorten

    columns = ("JOB", "STATE", "QUEUE", "PRIORITY", "ATTEMPT", "AGE", "ABOUT")
    rows = [
        (
            job.id,
            output.state(job.state),
            job.queue,
            job.priority,
            job.attempt,
            output.age(job.created_at),
            shorten(job.reason or job.summary, _SHOWN),
        )
        for job in jobs
    ]
    output.table(columns, rows)
