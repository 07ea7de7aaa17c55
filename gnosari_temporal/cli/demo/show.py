"""The account of the demo on the screen, or as JSON."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from .. import output
from .account import Account, Entry
from .stage import Stage

_COLUMNS = ("what", "type", "state", "attempts", "took", "summary")


def show_account(account: Account, seconds: float) -> None:
    """A table of the jobs, then what was not as told, or that all was."""
    output.chatter("")
    rows = [_row(entry) for entry in account.entries]
    if sys.stdout.isatty():
        _draw(rows)
    else:
        output.table(_COLUMNS, rows)
    wrong = [check for check in account.checks if not check.ok]
    for check in wrong:
        output.error(f"{check.what}: expected {check.expected}, found {check.found}")
    kept = len(account.checks) - len(wrong)
    output.result(f"{kept} of {len(account.checks)} expectations held, {len(account.entries)} jobs in {seconds:.1f} s")


def show_json(account: Account, stage: Stage, seconds: float) -> None:
    """The same for a program."""
    output.result_json(
        {
            "ok": account.ok,
            "seconds": round(seconds, 2),
            "address": stage.server.address,
            "web_ui": stage.server.ui_address,
            "jobs": [entry.as_data() for entry in account.entries],
            "checks": [
                {"what": check.what, "ok": check.ok, "expected": check.expected, "found": check.found}
                for check in account.checks
            ],
        }
    )


def _row(entry: Entry) -> tuple[str, ...]:
    took = f"{entry.seconds:.2f} s" if entry.seconds is not None else ""
    status = entry.status
    return (entry.told, status.type, output.state(status.state), entry.attempts_in_words(), took, status.summary)


def _draw(rows: list[tuple[str, ...]]) -> None:
    """One line for each job, whatever the width: what has no room is cut from the summary."""
    cells = [[Text.from_ansi(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(_COLUMNS))]
    columns = [Column(name, no_wrap=True, min_width=width) for name, width in zip(_COLUMNS, widths, strict=True)]
    columns[-1].min_width, columns[-1].ratio = None, 1
    drawn = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for row in cells:
        drawn.add_row(*row)
    Console().print(drawn)
