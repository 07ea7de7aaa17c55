"""The graph of a team: what a picture shows, without how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...tools.spec import DELEGATION_TOOL, ToolSpec
from ..spec import AgentSpec
from ..team import TeamSpec

RowKind = Literal["tool", "async tool", "MCP server", "knowledge"]
LinkKind = Literal["delegation", "async delegation", "handoff"]


@dataclass(frozen=True, slots=True)
class Row:
    """One tool, MCP server or knowledge of a card."""

    name: str
    kind: RowKind
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One agent; or what is defined and no agent has, with ``is_agent`` off."""

    key: str
    title: str
    subtitle: str
    rows: tuple[Row, ...] = ()
    is_start: bool = False
    is_agent: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """A delegation or handoff from one card to another, by their keys."""

    source: str
    target: str
    kind: LinkKind
    note: str = ""


@dataclass(frozen=True, slots=True)
class TeamGraph:
    """What a picture of a team shows."""

    title: str
    description: str
    cards: tuple[Card, ...]
    links: tuple[Link, ...]


def graph_of(team: TeamSpec) -> TeamGraph:
    """Cards and links of a team."""
    keys = {agent.name: f"a{number}" for number, agent in enumerate(team.agents, 1)}
    cards = [_card(team, agent, keys[agent.name]) for agent in team.agents]
    spare = tuple(_spare(team))
    if spare:
        words = ("Not used", "no agent has these") if team.agents else ("Tools", "a file without agents")
        cards.append(Card("spare", *words, rows=spare, is_agent=False))
    links: dict[tuple[str, str, LinkKind], Link] = {}
    for agent in team.agents:
        for link in _links(team, agent, keys):
            links.setdefault((link.source, link.target, link.kind), link)
    return TeamGraph(team.name, team.description or "", tuple(cards), tuple(links.values()))


def _card(team: TeamSpec, agent: AgentSpec, key: str) -> Card:
    rows = [_tool_row(tool) for tool in team.tools_of(agent) if tool.function_name != DELEGATION_TOOL]
    rows += [Row(server.name, "MCP server", server.connection_type) for server in team.mcp_servers_of(agent)]
    if any(tool.is_knowledge for tool in team.tools_of(agent)):
        rows += [Row(item.name, "knowledge", item.type) for item in team.knowledge_of(agent)]
    return Card(key, agent.name, agent.model, tuple(rows), is_start=agent.name == team.start)


def _spare(team: TeamSpec) -> Iterator[Row]:
    used = {name for agent in team.agents for name in agent.tools}
    for tool in team.tools:
        if tool.function_name not in used:
            yield _tool_row(tool)
    connected = {key for agent in team.agents for key in agent.mcp_servers}
    for server in team.mcp_servers:
        if server.key not in connected:
            yield Row(server.name, "MCP server", server.connection_type)


def _tool_row(tool: ToolSpec) -> Row:
    notes = [f"p{tool.priority}" if tool.priority_written else "", tool.queue_name or ""]
    notes.append("asks a person" if tool.approval else "")
    return Row(
        tool.function_name,
        "async tool" if tool.mode == "async" else "tool",
        " · ".join(note for note in notes if note),
    )


def _links(team: TeamSpec, agent: AgentSpec, keys: dict[str, str]) -> Iterator[Link]:
    for tool in team.tools_of(agent):
        if not tool.is_delegation:
            continue
        for rule in team.delegations(agent, tool):
            notes = [f"p{rule.priority}" if rule.priority else "", rule.queue_name or ""]
            notes.append("asks a person" if rule.approval else "")
            yield Link(
                keys[agent.name],
                keys[rule.agent],
                "async delegation" if rule.mode == "async" else "delegation",
                " · ".join(note for note in notes if note),
            )
    for handoff in agent.can_transfer_to:
        yield Link(keys[agent.name], keys[handoff.agent], "handoff")
