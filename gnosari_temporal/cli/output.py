"""The output: results on stdout, chatter on stderr, colours on a terminal only."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

_STATE_COLOURS = {
    "SUCCEEDED": "green",
    "RUNNING": "cyan",
    "WAITING": "yellow",
    "RETRYING": "yellow",
    "STUCK": "red",
    "FAILED": "red",
    "EXPIRED": "red",
    "CANCELLED": "magenta",
}

_BETWEEN = 3
"""Characters between two columns of a drawn table."""
_LEAST = 20
"""What is left of the last column of a drawn table on the narrowest terminal."""


def result(text: str) -> None:
    """What the command was asked for: to stdout."""
    click.echo(text)


def result_json(data: Any) -> None:
    """A result as JSON: indented on a terminal, on one line for a program."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None, default=str))


def chatter(text: str) -> None:
    """What a person may like to know: to stderr."""
    click.echo(text, err=True)


def warning(text: str) -> None:
    """What a person should know: to stderr."""
    click.secho(f"Warning: {text}", err=True, fg="yellow")


def error(text: str) -> None:
    """Why it did not work: to stderr."""
    click.secho(f"Error: {text}", err=True, fg="red")


def state_colour(name: str) -> str | None:
    """The colour of a job's state."""
    return _STATE_COLOURS.get(name)


def state(name: str) -> str:
    """A job's state, coloured; ``table`` and ``fields`` take colours off where there is no terminal."""
    return click.style(name, fg=_STATE_COLOURS.get(name))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout: drawn on a terminal, plain aligned columns that are never cut for a program."""
    cells = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _drawn(columns, cells)
        return
    plain = [[click.unstyle(cell) for cell in row] for row in [list(columns), *cells]]
    widths = [max(len(row[index]) for row in plain) for index in range(len(columns))]
    for row in plain:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _drawn(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """The last column is cut to the terminal's width; the others, which hold what one copies, never."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, no_wrap=True)
    for row in cells:
        drawn.add_row(*(Text.from_ansi(cell) for cell in row))
    whole = [max(len(click.unstyle(text)) for text in texts) for texts in zip(columns, *cells, strict=True)]
    console = Console()
    kept = sum(whole[:-1]) + _BETWEEN * len(columns)
    drawn.columns[-1].max_width = max(console.width - kept, min(whole[-1], _LEAST))
    console.width = max(console.width, kept + _LEAST)
    console.print(drawn)


def fields(pairs: Mapping[str, object]) -> None:
    """Name and value, one pair a line, on stdout; what is empty is left out."""
    shown = {name: _text(value) for name, value in pairs.items() if value not in (None, "", (), [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {value}")


def age(moment: datetime | None) -> str:
    """How long ago (or from now) a time is: ``12s``, ``3m``, ``5h``, ``2d``, ``in 30s``."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    text = _rounded(abs(seconds))
    return text if seconds >= 0 else f"in {text}"


def _rounded(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().isoformat(sep=" ", timespec="seconds")
    return str(value)
