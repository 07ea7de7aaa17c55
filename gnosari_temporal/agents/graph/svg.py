"""The SVG picture of a team's graph: one card an agent, its tools inside, links between the cards."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from .layout import Box, Point, lay_out
from .model import Card, Link, LinkKind, RowKind, TeamGraph

_INK = "#1b2430"
_QUIET = "#5b6675"
_LINE = "#c3cad4"
_ACCENT = "#2f62b8"
_ASYNC = "#b45f06"
_HANDOFF = "#2d7d46"

_MARGIN = 32.0
_HEADER = 52.0
_ROW = 24.0
_PAD = 16.0
_TITLE_SIZE = 15.0
_TEXT_SIZE = 13.0
_SMALL_SIZE = 11.5
_NARROWEST = 176.0
_WIDEST = 320.0

_LINKS: dict[LinkKind, tuple[str, str, str]] = {
    "delegation": (_ACCENT, "", "delegates, waits for the answer"),
    "async delegation": (_ASYNC, "7 5", "delegates, gets a ticket"),
    "handoff": (_HANDOFF, "2 4", "hands the conversation over"),
}
"""Colour, dashes and what the legend says."""
_ROWS: dict[RowKind, tuple[str, str]] = {
    "tool": (_QUIET, "tool"),
    "async tool": (_ASYNC, "tool, async"),
    "MCP server": (_ACCENT, "MCP server"),
    "knowledge": (_HANDOFF, "knowledge"),
}


def draw_svg(graph: TeamGraph) -> str:
    """A complete SVG document with nothing outside of it."""
    sizes = {card.key: _size(card) for card in graph.cards}
    layout = lay_out(sizes, [(link.source, link.target) for link in graph.links])
    legend = list(_legend(graph))
    legend_width = sum(40 + _width(text, _SMALL_SIZE) + 22 for _, text in legend) - 22 if legend else 0.0
    heading = 64.0 if graph.description else 44.0
    width = max(layout.width, legend_width, _width(graph.title, 20), 320.0) + 2 * _MARGIN
    loops = 48.0 if any(link.source == link.target for link in graph.links) else 0.0
    width += loops
    top = _MARGIN + heading
    bottom = top + layout.height
    height = bottom + (60.0 if legend else 0.0) + _MARGIN
    left = (width - layout.width - loops) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="system-ui, sans-serif" fill="{_INK}">',
        f"<title>{escape(graph.title)}</title>",
        f"<desc>{escape(_description(graph))}</desc>",
        "<defs>",
        *(_marker(kind) for kind in _LINKS),
        "</defs>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        _text(_MARGIN, _MARGIN + 18, _fit(graph.title, 20, width - 2 * _MARGIN), 20, weight=600),
    ]
    if graph.description:
        shown = _fit(graph.description, _TEXT_SIZE, width - 2 * _MARGIN)
        parts.append(_text(_MARGIN, _MARGIN + 42, shown, _TEXT_SIZE, fill=_QUIET))
    parts.append(f'<g transform="translate({left:.1f} {top:.1f})">')
    for card in graph.cards:
        parts += _draw_card(card, layout.boxes[card.key])
    for link, points in zip(graph.links, layout.routes, strict=True):
        parts += _draw_link(link, points, layout.boxes[link.source])
    parts.append("</g>")
    x = (width - legend_width) / 2
    for mark, text in legend:
        parts.append(f'<g transform="translate({x:.1f} {bottom + 44:.1f})">{mark}</g>')
        parts.append(_text(x + 40, bottom + 48, text, _SMALL_SIZE, fill=_QUIET))
        x += 40 + _width(text, _SMALL_SIZE) + 22
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _size(card: Card) -> tuple[float, float]:
    badge = _width("start", _SMALL_SIZE) + 24 if card.is_start else 0.0
    wanted = [_width(card.title, _TITLE_SIZE) * 1.06 + badge, _width(card.subtitle, _SMALL_SIZE)]
    for row in card.rows:
        note = _width(row.note, _SMALL_SIZE) + 14 if row.note else 0.0
        wanted.append(22 + _width(row.name, _TEXT_SIZE) + note)
    rows = len(card.rows) * _ROW + 12 if card.rows else 0.0
    return min(max(_NARROWEST, *wanted) + 2 * _PAD, _WIDEST), _HEADER + rows


def _draw_card(card: Card, box: Box) -> Iterator[str]:
    left, inner = box.x - box.width / 2, box.width - 2 * _PAD
    stroke, dash = (_ACCENT if card.is_start else _LINE), ("" if card.is_agent else ' stroke-dasharray="4 4"')
    yield f"<g><title>{escape(_summary(card))}</title>"
    yield (
        f'<rect x="{left:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="10" '
        f'fill="#fbfcfe" stroke="{stroke}" stroke-width="{2 if card.is_start else 1.4}"{dash}/>'
    )
    room = inner
    if card.is_start:
        badge = _width("start", _SMALL_SIZE) + 14
        room -= badge + 10
        x = left + box.width - _PAD - badge
        yield f'<rect x="{x:.1f}" y="{box.y + 12:.1f}" width="{badge:.1f}" height="18" rx="9" fill="{_ACCENT}"/>'
        yield _text(x + badge / 2, box.y + 25, "start", _SMALL_SIZE, fill="#ffffff", anchor="middle")
    yield _text(left + _PAD, box.y + 26, _fit(card.title, _TITLE_SIZE, room / 1.06), _TITLE_SIZE, weight=600)
    subtitle = _fit(card.subtitle, _SMALL_SIZE, inner)
    yield _text(left + _PAD, box.y + 43, subtitle, _SMALL_SIZE, fill=_QUIET)
    y = box.y + _HEADER
    if card.rows:
        yield f'<path d="M{left:.1f} {y:.1f}h{box.width:.1f}" stroke="{_LINE}"/>'
    for row in card.rows:
        y += _ROW
        yield f'<g transform="translate({left + _PAD + 6:.1f} {y - 4:.1f})">{_symbol(row.kind)}</g>'
        note = _fit(row.note, _SMALL_SIZE, inner / 2)
        room = inner - 22 - (_width(note, _SMALL_SIZE) + 14 if note else 0)
        yield _text(left + _PAD + 22, y, _fit(row.name, _TEXT_SIZE, room), _TEXT_SIZE)
        if note:
            yield _text(left + box.width - _PAD, y, note, _SMALL_SIZE, fill=_QUIET, anchor="end")
    yield "</g>"


def _draw_link(link: Link, points: Sequence[Point], box: Box) -> Iterator[str]:
    colour, dash, words = _LINKS[link.kind]
    if points:
        path, (x, y) = _curve(points), _place_of_note(points)
    else:
        right, middle = box.x + box.width / 2, box.y + box.height / 2
        path = f"M{right:.1f} {middle - 12:.1f}c44 -14 44 38 6 26"
        x, y = right + 34, middle - 18
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    yield (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-linecap="round"{dashes} '
        f'marker-end="url(#{link.kind.replace(" ", "-")})"><title>{escape(words)}</title></path>'
    )
    if link.note:
        room = _width(link.note, _SMALL_SIZE) + 8
        yield f'<rect x="{x - room / 2:.1f}" y="{y - 8:.1f}" width="{room:.1f}" height="16" fill="#ffffff"/>'
        yield _text(x, y + 4, link.note, _SMALL_SIZE, fill=colour, anchor="middle")


def _curve(points: Sequence[Point]) -> str:
    """A line through the points that leaves and reaches each of them vertically."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (y2 - y1) * 0.5
        path += f"C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
    return path


def _place_of_note(points: Sequence[Point]) -> Point:
    """The middle of the last stretch that is long enough for a word."""
    stretches = list(pairwise(points))
    (x1, y1), (x2, y2) = next(
        (pair for pair in reversed(stretches) if abs(pair[1][1] - pair[0][1]) >= 60), stretches[-1]
    )
    return (x1 + x2) / 2, (y1 + y2) / 2


def _marker(kind: LinkKind) -> str:
    colour, _, _ = _LINKS[kind]
    head = (
        f'<path d="M1 1L9 5L1 9" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        if kind == "handoff"
        else f'<path d="M0 0L10 5L0 10Z" fill="{colour}"/>'
    )
    return (
        f'<marker id="{kind.replace(" ", "-")}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" '
        f'markerHeight="9" orient="auto-start-reverse" markerUnits="userSpaceOnUse">{head}</marker>'
    )


def _symbol(kind: RowKind) -> str:
    """The mark of a row, drawn around its centre."""
    colour, _ = _ROWS[kind]
    if kind == "tool":
        return f'<rect x="-4" y="-4" width="8" height="8" rx="2" fill="{colour}"/>'
    if kind == "async tool":
        return (
            f'<rect x="-4.5" y="-4.5" width="9" height="9" rx="2" fill="#fff" stroke="{colour}" '
            'stroke-width="1.6" stroke-dasharray="2.4 1.6"/>'
        )
    if kind == "MCP server":
        return f'<path d="M0 -5.5L5.5 0L0 5.5L-5.5 0Z" fill="{colour}"/>'
    return f'<circle r="4.6" fill="#fff" stroke="{colour}" stroke-width="2"/>'


def _legend(graph: TeamGraph) -> Iterator[tuple[str, str]]:
    links = {link.kind for link in graph.links}
    for kind, (colour, dash, words) in _LINKS.items():
        if kind in links:
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            name = kind.replace(" ", "-")
            yield (
                f'<path d="M0 0h30" stroke="{colour}" stroke-width="1.8"{dashes} marker-end="url(#{name})"/>',
                words,
            )
    rows = {row.kind for card in graph.cards for row in card.rows}
    for row, (_, words) in _ROWS.items():
        if row in rows:
            yield f'<g transform="translate(26 0)">{_symbol(row)}</g>', words


def _summary(card: Card) -> str:
    rows = "".join(f"\n{row.kind} {row.name}{f' ({row.note})' if row.note else ''}" for row in card.rows)
    return f"{card.title}{f' ({card.subtitle})' if card.subtitle else ''}{rows}"


def _description(graph: TeamGraph) -> str:
    names = {card.key: card.title for card in graph.cards}
    verbs = {
        "delegation": "delegates to",
        "async delegation": "delegates asynchronously to",
        "handoff": "hands over to",
    }
    links = "; ".join(f"{names[link.source]} {verbs[link.kind]} {names[link.target]}" for link in graph.links)
    agents = ", ".join(card.title for card in graph.cards if card.is_agent)
    return f"Agents: {agents or 'none'}. {links}".strip()


def _text(
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    fill: str = _INK,
    weight: int = 400,
    anchor: str = "start",
) -> str:
    extra = f' font-weight="{weight}"' if weight != 400 else ""
    extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"{extra}>{escape(text)}</text>'


def _width(text: str, size: float) -> float:
    """About how wide a text is in a common sans-serif font; rather too wide than too narrow."""
    return sum(map(_em, text)) * size


def _em(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.02
    if char in "iljI.,:;|!'·":
        return 0.3
    if char in "mwMW@%—…":
        return 0.92
    return 0.7 if char.isupper() else 0.58


def _fit(text: str, size: float, room: float) -> str:
    """The text, shortened with an ellipsis if it is wider than the room for it."""
    if _width(text, size) <= room + 0.5:
        return text
    while text and _width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"
