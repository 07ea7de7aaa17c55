"""``gnosari tool``: calls the tools of a team file, waits for their results and lists them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import logs, output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import DURATION, JSON_OBJECT, PRIORITY, json_option

if TYPE_CHECKING:
    from ..client import GnosariClient, TeamTools, ToolTicket
    from ..settings import Settings
    from ..tools.results import ToolResult
    from ..tools.spec import ToolSpec

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_COLUMNS = ("TOOL", "NAME", "MODE", "PRIORITY", "QUEUE", "LIMIT", "CLASS")


@click.group()
def tool() -> None:
    """Call the tools of a team file, and get their results."""


@tool.command()
@click.argument("team", type=_FILE, metavar="TEAM.yaml")
@click.argument("tool_id", metavar="TOOL")
@click.argument("arguments", metavar="[JSON]", type=JSON_OBJECT, required=False)
@click.option("--mode", type=click.Choice(("sync", "async")), help="For a tool whose mode the file leaves open.")
@click.option("--priority", type=PRIORITY, metavar="1-10", help="Of an async call, lower first.")
@click.option("--queue", metavar="NAME", help="Of an async call, in place of the tool's.")
@click.option("--id", "task_id", metavar="ID", help="Task id: the same async call twice is one call.")
@click.option("--session-id", metavar="ID", help="The session in whose name the call is made.")
@click.option("--wait", is_flag=True, help="Wait for an async call, and print its result.")
@click.option("--timeout", type=DURATION, metavar="DURATION", help="How long --wait waits.  [default: without end]")
@pass_invocation
def run(
    invocation: Invocation,
    /,
    *,
    team: Path,
    tool_id: str,
    arguments: dict[str, Any] | None,
    session_id: str | None,
    wait: bool,
    timeout: timedelta | None,
    **given: Any,
) -> int:
    """Call a tool of a team file.

    TOOL is its id or name, JSON its arguments as an object, `-` to read it from standard input. A sync call runs here
    and prints its result; an async call is sent to the workers and prints a ticket, or with --wait the result. Both are
    JSON.
    """
    if timeout is not None and not wait:
        raise click.UsageError("--timeout is how long --wait waits: give --wait too")
    settings = _prepared(invocation)
    calls = _Calls(settings, team)
    logs.set_up("error", debug=invocation.debug)
    answer = asyncio.run(calls.make(tool_id, arguments or {}, given, session_id, wait=wait, timeout=timeout))
    return _print(answer)


@tool.command()
@click.argument("task_id", metavar="TASK_ID")
@click.option("--timeout", type=DURATION, metavar="DURATION", help="How long to wait.  [default: without end]")
@pass_invocation
def result(invocation: Invocation, /, *, task_id: str, timeout: timedelta | None) -> int:
    """Wait for the result of an async call and print it as JSON.

    TASK_ID is that of its ticket. A call that failed has status "error", and the exit code is 1.
    """
    from .session import call

    async def work(client: GnosariClient) -> ToolResult:
        return await client.tool_result(task_id, timeout)

    return _print(call(invocation.settings(), work, debug=invocation.debug))


@tool.command("list")
@click.argument("team", type=_FILE, metavar="TEAM.yaml")
@json_option
@pass_invocation
def list_tools(invocation: Invocation, /, *, team: Path, as_json: bool) -> int:
    """List the tools of a team file and how they run.

    With --json also what a caller must know: description, JSON schema of the arguments, and why a tool cannot be
    made here, if so.
    """
    from ..client import TeamTools

    settings = _prepared(invocation)
    tools = TeamTools.load(team, settings=settings)
    if as_json:
        output.result_json([_as_data(tools, spec, settings) for spec in tools.team.tools])
    else:
        output.table(_COLUMNS, [_row(spec, settings) for spec in tools.team.tools])
    return ExitCode.OK


def _prepared(invocation: Invocation) -> Settings:
    """The settings, with the project's directory in the way of imports: tools may stand there."""
    from .web_ui import web_ui_address

    settings = invocation.settings()
    directory = str(settings.project_dir.resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    return settings.model_copy(update={"ui_address": web_ui_address(settings)})


class _Calls:
    """The calls of one command: a server is asked only if there is something to send."""

    def __init__(self, settings: Settings, team: Path) -> None:
        self._settings = settings
        self._team = team
        self._client: GnosariClient | None = None

    async def make(
        self,
        name: str,
        arguments: dict[str, Any],
        options: dict[str, Any],
        session_id: str | None,
        *,
        wait: bool,
        timeout: timedelta | None,
    ) -> ToolTicket | ToolResult:
        from ..client import TeamTools

        tools = TeamTools.load(self._team, self._connect, settings=self._settings, session_id=session_id)
        answer = await tools.call(name, arguments, **options)
        if isinstance(answer, dict) or self._client is None:
            return answer
        await self._say_if_nobody_serves(self._client, answer.queue)
        return await self._client.tool_result(answer.task_id, timeout) if wait else answer

    async def _connect(self) -> GnosariClient:
        from .session import connected

        self._client = await connected(self._settings)
        return self._client

    async def _say_if_nobody_serves(self, client: GnosariClient, queue: str) -> None:
        from temporalio.service import RPCError

        from ..client.queues import WORKFLOWS, task_queue_state

        with contextlib.suppress(RPCError):
            if not (await task_queue_state(client.temporal, queue, WORKFLOWS)).served:
                output.warning(f"no worker serves queue {queue!r}: start one with `gnosari worker --team {self._team}`")


def _print(answer: ToolTicket | ToolResult) -> int:
    if not isinstance(answer, dict):
        output.result_json(answer.model_dump(mode="json"))
        return ExitCode.OK
    output.result_json(answer)
    return ExitCode.JOB_FAILED if answer["status"] == "error" else ExitCode.OK


def _queue(spec: ToolSpec, settings: Settings) -> str:
    from ..routing import Routing
    from ..tools.messages import ToolExecutionMessage

    return spec.queue_on(Routing.of(settings).queue(ToolExecutionMessage, spec.queue_name))


def _row(spec: ToolSpec, settings: Settings) -> list[object]:
    return [
        spec.function_name,
        spec.name,
        spec.mode or "sync, or as called",
        spec.priority,
        _queue(spec, settings),
        f"{spec.rate_limit:g}/min" if spec.rate_limit is not None else "",
        f"{spec.module}:{spec.class_name}",
    ]


def _as_data(tools: TeamTools, spec: ToolSpec, settings: Settings) -> dict[str, Any]:
    from ..errors import GnosariError

    data = spec.model_dump(mode="json", by_alias=True, exclude={"description", "priority_written"})
    found: dict[str, Any] = {"tool": spec.function_name, **data, "queue": _queue(spec, settings)}
    try:
        seen = tools.describe(spec.function_name)
    except GnosariError as error:
        return {**found, "description": spec.description, "problem": str(error)}
    about = seen.model_dump(mode="json", include={"description", "parameters", "async_refusal"})
    return {**found, **about}
