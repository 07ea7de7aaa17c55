"""The tree of a run on a screen: as lines of text, as it goes on, and as a picture of what ran when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from . import output

if TYPE_CHECKING:
    from ..client.tree import TreeNode

_BAR = 24
_LABEL = 72
_DETAIL = 100


def tree_lines(root: TreeNode, *, models: bool = True, bars: bool = True) -> list[str]:
    """The tree as lines: label, state, duration, tokens, and a bar that shows when it ran."""
    rows = list(_rows(root, "", "", models=models))
    width = max(len(text) for text, _ in rows)
    began, ended = _span(root)
    lines = []
    for text, node in rows:
        state = f"{str(node.state).lower():<9}"
        parts = [text.ljust(width), click.style(state, fg=output.state_colour(str(node.state)))]
        parts += [f"{_duration(node):>7}", f"{_tokens(node):>14}"]
        if bars:
            parts.append(_bar(node, began, ended))
        lines.append("  ".join(parts).rstrip())
        if node.detail and (node.state in ("FAILED", "WAITING") or node is root):
            indent = " " * (len(text) - len(text.lstrip("│ ├└─")) + 2)
            lines.append(click.style(f"{indent}{_cut(node.detail, _DETAIL)}", dim=True))
    return lines


def change_line(node: TreeNode, depth: int) -> str:
    """One line for a node that has changed."""
    indent = "  " * depth
    state = click.style(f"{str(node.state).lower():<9}", fg=output.state_colour(str(node.state)))
    more = [text for text in (_duration(node) if node.ended_at else "", _tokens(node) if node.ended_at else "") if text]
    line = f"{state} {indent}{_name(node)}" + (f"  ({', '.join(more)})" if more else "")
    shown = node.state in ("FAILED", "WAITING") and node.detail
    return f"{line}: {_cut(node.detail, _DETAIL)}" if shown else line


def _rows(node: TreeNode, first: str, rest: str, *, models: bool) -> Iterator[tuple[str, TreeNode]]:
    yield first + _name(node), node
    children = [child for child in node.children if models or child.kind != "model"]
    for child in children:
        last = child is children[-1]
        yield from _rows(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "), models=models)


def _name(node: TreeNode) -> str:
    kind = f"{node.kind} " if node.kind in ("model", "tool", "agent") else ""
    mode = " (async)" if node.mode else ""
    return f"{kind}{_cut(node.label or node.id, _LABEL)}{mode}"


def _duration(node: TreeNode) -> str:
    return f"{node.seconds:.2f}s" if node.seconds is not None else ""


def _tokens(node: TreeNode) -> str:
    if node.kind not in ("agent", "model"):
        return ""
    used = node.total()
    cost = f" ${used.cost:.4f}" if used.cost else ""
    return f"{used.tokens:,} tokens{cost}" if used.tokens else ""


def _span(root: TreeNode) -> tuple[datetime | None, datetime | None]:
    starts = [node.started_at for node in root.walk() if node.started_at]
    ends = [moment for node in root.walk() for moment in (node.started_at, node.ended_at) if moment]
    return min(starts, default=None), max(ends, default=None)


def _bar(node: TreeNode, began: datetime | None, ended: datetime | None) -> str:
    if began is None or ended is None or node.started_at is None or ended <= began:
        return ""
    whole = (ended - began).total_seconds()
    first = round((node.started_at - began).total_seconds() / whole * _BAR)
    last = round(((node.ended_at or ended) - began).total_seconds() / whole * _BAR)
    first = min(first, _BAR - 1)
    return " " * first + "█" * max(last - first, 1)


def _cut(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def depths(root: TreeNode) -> dict[int, int]:
    """How deep each node stands, by identity."""
    found: dict[int, int] = {}

    def visit(nodes: Iterable[TreeNode], depth: int) -> None:
        for node in nodes:
            found[id(node)] = depth
            visit(node.children, depth + 1)

    visit([root], 0)
    return found
