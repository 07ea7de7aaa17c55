"""``gnosari team``: checks team files and draws them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from ..agents.loading import LoadedTeam

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def team() -> None:
    """Check team files and draw them."""


@team.command()
@click.argument("files", type=_FILE, metavar="TEAM.yaml...", nargs=-1, required=True)
@pass_invocation
def validate(invocation: Invocation, /, *, files: tuple[Path, ...]) -> int:
    """Check team files: everything that is wrong, a line each, with file, line and key."""
    from ..errors import TeamError

    failed = False
    for file in files:
        try:
            loaded = _load(invocation, file)
        except TeamError as error:
            failed = True
            output.error(str(error))
            continue
        names = ", ".join(agent.name for agent in loaded.team.agents) or "no agents"
        output.result(f"{file}: team {loaded.team.name!r} is fine ({names}; {len(loaded.team.tools)} tools)")
        if loaded.variables:
            output.chatter(f"{file}: its workers need {', '.join(loaded.variables)}")
    return ExitCode.USAGE if failed else ExitCode.OK


@team.command()
@click.argument("file", type=_FILE, metavar="TEAM.yaml")
@click.option(
    "-o", "--output", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write it there; a name that ends in .svg gives an SVG.",
)  # fmt: skip
@click.option("--format", "kind", type=click.Choice(("mermaid", "svg")), help="Mermaid text or SVG.")
@pass_invocation
def graph(invocation: Invocation, /, *, file: Path, target: Path | None, kind: str | None) -> int:
    """Draw a team: agents, tools, delegations and handoffs, as Mermaid text or SVG."""
    from ..agents.graph import team_graph

    loaded = _load(invocation, file)
    by_name = "svg" if target is not None and target.suffix.lower() == ".svg" else "mermaid"
    picture = team_graph(loaded.team, "svg" if (kind or by_name) == "svg" else "mermaid")
    if target is None:
        output.result(picture.rstrip("\n"))
    else:
        target.write_text(picture, encoding="utf-8")
        output.chatter(f"wrote {target}")
    return ExitCode.OK


def _load(invocation: Invocation, file: Path) -> LoadedTeam:
    from ..agents.loading import load_team

    loaded = load_team(file, invocation.settings().environ or None, need_start=False)
    for warning in loaded.warnings:
        output.warning(warning)
    return loaded
