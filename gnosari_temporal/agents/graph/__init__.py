"""Pictures of a team: who has which tools, who delegates or hands over to whom."""

from __future__ import annotations

from typing import Literal

from ..team import TeamSpec
from .mermaid import write_mermaid
from .model import Card, Link, Row, TeamGraph, graph_of
from .svg import draw_svg

GraphFormat = Literal["mermaid", "svg"]


def team_graph(team: TeamSpec, format: GraphFormat = "mermaid") -> str:
    """A picture of a team: Mermaid text (``flowchart``) or a complete SVG document.

    Raises:
        ValueError: the format is neither ``mermaid`` nor ``svg``.
    """
    if format == "mermaid":
        return write_mermaid(graph_of(team))
    if format == "svg":
        return draw_svg(graph_of(team))
    raise ValueError(f"format {format!r} is neither 'mermaid' nor 'svg'")


__all__ = ["Card", "GraphFormat", "Link", "Row", "TeamGraph", "graph_of", "team_graph"]
