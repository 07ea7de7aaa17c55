"""Loading of a team file: read, check, resolve; everything that is wrong is reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import TeamError
from ..settings import expand
from ..yamldoc import (
    Location,
    Problems,
    YamlDocument,
    drop_keys,
    drop_nulls,
    expand_values,
    load_yaml,
    parse_yaml,
    shown,
    validate,
)
from .building import TeamBuilder
from .checks import TeamChecks, check_agents
from .entries import TeamEntry
from .gnosari_keys import IGNORED, RENAMED, Variables, without_anchors, without_pass
from .team import TeamSpec


@dataclass(frozen=True)
class LoadedTeam:
    """A team with what its file said beside it."""

    team: TeamSpec
    warnings: tuple[str, ...]
    """``file:line: key: text`` for what has no effect here."""
    path: Path
    text: str
    """The file as it is."""
    variables: tuple[str, ...] = ()
    """Variables without default that a worker needs to use the team's tools, MCP servers and knowledge."""


def load_team(
    path: Path | str,
    environ: Mapping[str, str] | None = None,
    *,
    start: str | None = None,
    need_start: bool = True,
) -> LoadedTeam:
    """Load a team file; one with ``tools:`` alone is a team without agents.

    ``start`` is the agent (name or id) with whom runs start, over what the file says. With ``need_start`` off, a
    file with two orchestrators and no choice loads, and its ``start`` is None.

    Raises:
        TeamError: the file cannot be read or is wrong; ``problems`` has a line for everything.
    """
    return _load(load_yaml(path), Path(path), environ, start, need_start)


def parse_team(
    text: str,
    name: str = "team.yaml",
    environ: Mapping[str, str] | None = None,
    *,
    start: str | None = None,
    need_start: bool = True,
) -> LoadedTeam:
    """The same for a team file's text; ``name`` stands for the file in errors.

    Raises:
        TeamError: the text is wrong; ``problems`` has a line for everything.
    """
    return _load(parse_yaml(text, name), Path(name), environ, start, need_start)


def _load(
    document: YamlDocument, path: Path, environ: Mapping[str, str] | None, start: str | None, need_start: bool
) -> LoadedTeam:
    if document.data is None:
        raise TeamError(problems=(f"{document.name}:1: is empty: a team file has agents, tools or both",))
    if not isinstance(document.data, dict):
        line = f"{document.where(())}: is {shown(document.data)}: a team file has keys like agents and tools"
        raise TeamError(problems=(line,))
    problems = Problems(document)
    warnings = Problems(document)
    entry = validate(TeamEntry, _prepared(problems, environ, warnings), problems, hints=RENAMED)
    problems.raise_if_any()
    assert entry is not None
    builder = TeamBuilder(entry, problems, warnings)
    team = builder.build(path)
    problems.raise_if_any()
    checks = TeamChecks(team, entry, builder.agents, problems)
    chosen = checks.start(start, needed=need_start)
    checks.budget()
    checks.circles()
    problems.raise_if_any()
    check_agents(team, document.name)
    return LoadedTeam(
        team=team.model_copy(update={"start": chosen}),
        warnings=warnings.lines(),
        path=path,
        text=document.text,
        variables=_needed(team),
    )


def _prepared(problems: Problems, environ: Mapping[str, str] | None, warnings: Problems) -> Any:
    """The document's data without what has no effect, ``${VAR}`` resolved where the schema reads it."""
    document = problems.document
    variables = Variables(document)
    data = drop_keys(without_anchors(document.data), IGNORED, warnings)
    data = drop_nulls(without_pass(data), variables.stay)

    def resolve(location: Location, text: str) -> str:
        if not variables.may_be_missing(location):
            return expand(text, environ)
        missing: dict[str, None] = {}

        def as_written(name: str) -> str:
            missing[name] = None
            return f"${{{name}}}"

        resolved = expand(text, environ, missing=as_written)
        if missing:
            names = ", ".join(f"${{{name}}}" for name in missing)
            verb = "is" if len(missing) == 1 else "are"
            warnings.add(location, f"{names} {verb} not set and left as written")
        return resolved

    return expand_values(data, resolve, variables.stay, problems)


def _needed(team: TeamSpec) -> tuple[str, ...]:
    names: dict[str, None] = {}

    def note(name: str) -> str:
        names[name] = None
        return ""

    def look(value: Any) -> None:
        if isinstance(value, str):
            expand(value, {}, missing=note)
        elif isinstance(value, Mapping):
            for item in value.values():
                look(item)
        elif isinstance(value, list | tuple):
            for item in value:
                look(item)

    for tool in team.tools:
        look(tool.args)
    for server in team.mcp_servers:
        look([server.url or "", server.command or "", server.args, server.env, server.headers])
    for knowledge in team.knowledge:
        if knowledge.source != "text":
            look(knowledge.data)
    return tuple(names)
