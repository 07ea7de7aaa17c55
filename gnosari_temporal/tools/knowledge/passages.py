"""The passage: a piece of a text that fits on a screen, under the headings that it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 1500
"""Characters after which a passage ends at the next blank line, or at a line if none comes."""

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")


@dataclass(frozen=True)
class Passage:
    """A piece of a text."""

    heading: str
    """The headings above it, the outermost first, joined by ``>``."""
    line: int
    """The line that it starts at, from 1."""
    text: str


def passages_of(text: str, *, markdown: bool) -> Iterator[Passage]:
    """Cut a text into passages: at headings where it is Markdown, and where it grows too long."""
    trail: list[tuple[int, str]] = []
    lines: list[str] = []
    start, fenced = 1, False

    def piece() -> Iterator[Passage]:
        body = "\n".join(lines).strip()
        if body:
            yield Passage(" > ".join(title for _, title in trail), start, body)
        lines.clear()

    for number, line in enumerate(text.splitlines(), 1):
        if markdown and _FENCE.match(line):
            fenced = not fenced
        found = _HEADING.match(line) if markdown and not fenced else None
        if found:
            yield from piece()
            level = len(found[1])
            trail = [entry for entry in trail if entry[0] < level]
            trail.append((level, found[2]))
            start = number
            lines.append(line)
            continue
        for at in range(0, max(len(line), 1), 2 * LONGEST):
            part = line[at : at + 2 * LONGEST]
            size = sum(len(one) + 1 for one in lines)
            if size > LONGEST and (not part.strip() or size > 2 * LONGEST):
                yield from piece()
            if not lines:
                start = number
            lines.append(part)
    yield from piece()
