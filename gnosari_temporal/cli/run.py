"""``gnosari run``: runs a team on a message, and shows who does what meanwhile."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import logs, output
from .invocation import Invocation, pass_invocation
from .params import json_option

if TYPE_CHECKING:
    from ..agents.loading import LoadedTeam
    from ..agents.messages import AgentMessage
    from ..settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("team", type=_FILE, metavar="TEAM.yaml", required=False)
@click.option("--config", type=_FILE, metavar="TEAM.yaml", hidden=True)
@click.option("-m", "--message", metavar="MESSAGE", help="What the team is asked; - reads it from standard input.")
@click.option("-a", "--agent", metavar="NAME", help="The agent who starts, by name or id.")
@click.option("-s", "--session-id", metavar="ID", help="The conversation to go on with, and to keep.")
@click.option("--model", metavar="NAME", help="Model of every agent, in place of the team file's.")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="0-2", help="Temperature of every agent, likewise.")
@click.option("--stream", is_flag=True, help="Print the answer while the model makes it.")
@click.option("--detach", "--background", is_flag=True, help="Print the job's id and leave it to the workers.")
@click.option("-y", "--yes", is_flag=True, help="Approve whatever waits for a person.")
@json_option
@pass_invocation
def run(
    invocation: Invocation,
    /,
    *,
    team: Path | None,
    config: Path | None,
    message: str | None,
    detach: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Run a team on a message.

    Where no server is set (TEMPORAL_ADDRESS), one is started for this run, with a worker for the team. The answer is
    printed on stdout; who does what is shown on stderr meanwhile.
    """
    path = team or config
    if path is None:
        raise click.UsageError("which team? `gnosari run TEAM.yaml -m MESSAGE`")
    if team and config:
        raise click.UsageError(f"two teams are named, {team} and {config}: name one")
    text = sys.stdin.read() if message == "-" else message
    if not text or not text.strip():
        raise click.UsageError("what is the team asked? Give it with -m MESSAGE")
    settings = invocation.settings()
    if detach and not settings.address_is_set:
        raise click.UsageError(
            "--detach leaves the run to a server that stays: start one with `gnosari up`, set TEMPORAL_ADDRESS, and "
            f"have a worker for the team (`gnosari worker --team {path}`)"
        )
    loaded = _load(path, settings, given["agent"])
    asked = _message(loaded, text, settings, given)
    logs.set_up("debug" if invocation.debug else "critical", debug=invocation.debug)
    from .run_follow import RunView
    from .run_stage import run_here, run_there

    view = RunView(stream=given["stream"], yes=given["yes"], as_json=as_json)
    if settings.address_is_set:
        return asyncio.run(run_there(settings, asked, view, detach=detach, team=path))
    return asyncio.run(run_here(settings, loaded, asked, view))


def _load(path: Path, settings: Settings, agent: str | None) -> LoadedTeam:
    from ..agents.loading import load_team

    loaded = load_team(path, settings.environ or None, start=agent)
    for warning in loaded.warnings:
        output.warning(warning)
    return loaded


def _message(loaded: LoadedTeam, text: str, settings: Settings, given: dict[str, Any]) -> AgentMessage:
    from ..agents.messages import AgentMessage
    from ..agents.models.scripted import script_in, with_scripts_of

    # Scripts that the file names stand beside it, one that is typed is where the user is.
    team = with_scripts_of(loaded.team, loaded.path.resolve().parent)
    model = script_in(given["model"], Path.cwd()) if given["model"] else None
    team = team.with_overrides(model=model, temperature=given["temperature"])
    asked = AgentMessage(
        team=team, message=text, agent=team.start, session_id=given["session_id"], stream=given["stream"]
    )
    asked.starts_with  # noqa: B018  the agent is checked before anything is started
    return asked
