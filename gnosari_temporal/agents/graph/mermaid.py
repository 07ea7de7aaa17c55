"""The Mermaid text of a team's graph: a flowchart that many editors and forges draw."""

from __future__ import annotations

from .model import LinkKind, Row, RowKind, TeamGraph

_ARROWS: dict[LinkKind, tuple[str, str]] = {
    "delegation": ("-->", "delegates"),
    "async delegation": ("-.->", "delegates async"),
    "handoff": ("==>", "hands over"),
}
_SHAPES: dict[RowKind, tuple[str, str]] = {
    "tool": ('["', '"]'),
    "async tool": ('["', '"]'),
    "MCP server": ('[["', '"]]'),
    "knowledge": ('[("', '")]'),
}
_STYLES = (
    "classDef agent fill:#eef3fc,stroke:#3b6fc9,color:#1b2430",
    "classDef start fill:#3b6fc9,stroke:#27508f,color:#ffffff",
    "classDef tool fill:#f6f7f9,stroke:#9aa4b2,color:#1b2430",
    "classDef async fill:#fff6e8,stroke:#c77700,color:#1b2430,stroke-dasharray:5 3",
)


def write_mermaid(graph: TeamGraph) -> str:
    """A complete flowchart."""
    lines = ["---", f"title: {_title(graph.title)}", "---", "flowchart TD"]
    shared: dict[Row, str] = {}
    edges: list[str] = []
    for card in graph.cards:
        if card.is_agent:
            opened, closed, style = ('(["', '"])', "start") if card.is_start else ('("', '")', "agent")
            lines.append(f"    {card.key}{opened}{_label(card.title)}<br>{_label(card.subtitle)}{closed}:::{style}")
        for row in card.rows:
            if row not in shared:
                shared[row] = f"t{len(shared) + 1}"
                lines.append(f"    {shared[row]}{_shape(row)}:::{'async' if row.kind == 'async tool' else 'tool'}")
            if card.is_agent:
                edges.append(f"    {card.key} {'-.-' if row.kind == 'async tool' else '---'} {shared[row]}")
    for link in graph.links:
        arrow, words = _ARROWS[link.kind]
        note = f"{words}, {link.note}" if link.note else words
        lines.append(f'    {link.source} {arrow}|"{_label(note)}"| {link.target}')
    used = {line.rpartition(":::")[2] for line in lines if ":::" in line}
    lines += edges
    lines += [f"    {style}" for style in _STYLES if style.split()[1] in used]
    return "\n".join(lines) + "\n"


def _shape(row: Row) -> str:
    opened, closed = _SHAPES[row.kind]
    mode = "async" if row.kind == "async tool" else "" if row.kind == "tool" else row.kind
    notes = " · ".join(note for note in (mode, row.note) if note)
    return f"{opened}{_label(row.name)}{'<br>' + _label(notes) if notes else ''}{closed}"


def _label(text: str) -> str:
    """Text in a Mermaid label; what has a meaning there is written as a character code."""
    return "".join(f"#{ord(char)};" if char in '"#&<>[](){}|`\\' else char for char in text)


def _title(text: str) -> str:
    """Text in Mermaid's YAML header."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
