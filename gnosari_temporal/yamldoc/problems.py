"""The problem of a file: one line that says where, which key, what is wrong and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ..errors import TeamError
from .document import Location, YamlDocument

_LONGEST_SHOWN = 60


class Problems:
    """What is wrong with one document, or what has no effect in it, collected to be reported at once."""

    def __init__(self, document: YamlDocument) -> None:
        self.document = document
        self._found: dict[str, int] = {}
        self._places: set[Location] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, location: Location, text: str) -> None:
        """Note what is wrong at a location."""
        self._places.add(location)
        self._found.setdefault(line_of(self.document, location, text), self.document.mark(location).line)

    def at(self, location: Location) -> bool:
        """Whether something was noted at a location."""
        return location in self._places

    def lines(self) -> tuple[str, ...]:
        """What was noted, in the order of the lines of the file."""
        return tuple(sorted(self._found, key=self._found.__getitem__))

    def raise_if_any(self) -> None:
        """Raise what was found.

        Raises:
            TeamError: with a line for every problem.
        """
        if self._found:
            raise TeamError(problems=self.lines())


def line_of(document: YamlDocument, location: Location, text: str) -> str:
    """``file:line: agents[0].model: text``."""
    path = path_of(location)
    return f"{document.where(location)}: {path + ': ' if path else ''}{text}"


def path_of(location: Location) -> str:
    """``agents[0].tools[1]``."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def shown(value: object) -> str:
    """A value as an error names it: short, and as YAML writes it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 1] + "…"
        return repr(text)
    return str(value)[:_LONGEST_SHOWN]


def choices(known: Iterable[str]) -> str:
    """``'a', 'b' or 'c'``."""
    quoted = [repr(item) for item in known]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}" if quoted else "nothing"


def did_you_mean(text: object, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where a known text is close, else nothing."""
    if not isinstance(text, str):
        return ""
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(text.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""
