"""``gnosari migrate``: what of a Celery code base runs here, and what to change."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import output
from .exits import ExitCode
from .params import json_option

if TYPE_CHECKING:
    from ..celery.migrate import Finding, Report

_VERDICTS = ("does-not-run", "changed-import", "as-is")
_TITLES = {
    "does-not-run": ("Does not run", "do not run", "red"),
    "changed-import": ("Runs with a changed import", "run with a changed import", "yellow"),
    "as-is": ("Runs as it is", "run as they are", "green"),
}


@click.command("migrate")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(_VERDICTS), help="Show these findings alone; repeatable.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files and folders; repeatable.")
@json_option
def migrate(path: Path, only: tuple[str, ...], exclude: tuple[str, ...], as_json: bool) -> int:
    """Read a Celery code base and say what runs here.

    PATH is a folder or a file. Nothing of it is run or imported, and nothing is changed. Python code, settings,
    command lines, environment variables and requirements are looked at; docs/migrating-from-celery.md lists the
    constructs.

    Exit codes: 0 everything runs, as it is or with a changed import; 1 something does not run (a file that cannot
    be read counts too); 2 there is no such path, or the command is used wrongly. --only does not change the code.
    """
    from ..celery.migrate import Verdict, analyse

    report = analyse(path, exclude=exclude)
    shown = report.only(Verdict(verdict) for verdict in only) if only else report
    if as_json:
        output.result_json({**report.to_json(), "findings": shown.to_json()["findings"]})
    else:
        _print(shown, report)
        if not report.findings:
            output.chatter(f"Nothing of Celery's was found in {path}.")
    return ExitCode.OK if report.runs else ExitCode.JOB_FAILED


def _print(shown: Report, report: Report) -> None:
    for verdict in _VERDICTS:
        found = [finding for finding in shown.findings if finding.verdict == verdict]
        if found:
            title, _, colour = _TITLES[verdict]
            _line(f"{title} ({len(found)})", bold=True, fg=colour)
            for construct, places in groupby(sorted(found, key=_by_construct), key=lambda finding: finding.construct):
                _construct(construct, list(places))
            output.result("")
    counts = {verdict.value: count for verdict, count in report.summary.items()}
    parts = (f"{counts[verdict]} {_TITLES[verdict][1]}" for verdict in _VERDICTS)
    _line(f"Of {len(report.findings)} constructs in {report.files} files {', '.join(parts)}.")


def _by_construct(finding: Finding) -> tuple[str, Finding]:
    return finding.construct, finding


def _construct(construct: str, places: list[Finding]) -> None:
    """One construct with all its places; what is the same for all of them is said once."""
    from ..celery.migrate.rules import rule

    text = rule(construct).text
    remedies = {finding.remedy for finding in places}
    shared = remedies.pop() if len(remedies) == 1 else ""
    output.result("")
    _line(f"{click.style(construct, bold=True)}  {text}", indent=2)
    if shared:
        _line(f"→ {shared}", indent=4)
    for finding in places:
        detail = finding.text.removesuffix(text).rstrip(": ")
        remedy = f"→ {finding.remedy}" if finding.remedy != shared else ""
        _line("  ".join(part for part in (_place(finding), detail, remedy) if part), indent=6)


def _place(finding: Finding) -> str:
    return click.style(f"{finding.path}:{finding.line}:{finding.column}", fg="cyan")


def _line(text: str, *, indent: int = 0, bold: bool = False, fg: str | None = None) -> None:
    """A line on stdout: folded to the width of a terminal, whole for a program."""
    styled = click.style(text, bold=bold, fg=fg) if bold or fg else text
    if not sys.stdout.isatty():
        output.result(" " * indent + click.unstyle(styled))
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    Console().print(Padding(Text.from_ansi(styled), (0, 0, 0, indent)))
