"""The benchmarks.

python -m benchmarks [--only latency,priority] [--quick] [--rounds 5] [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from pathlib import Path

from rich.console import Console

from . import report
from .common import Benchmark, Run, Section
from .latency import latency
from .memory import memory
from .priority import priority
from .recovery import recovery
from .throughput import throughput

BENCHMARKS: dict[str, Benchmark] = {
    "latency": latency,
    "throughput": throughput,
    "priority": priority,
    "recovery": recovery,
    "memory": memory,
}


async def _run(names: list[str], run: Run, console: Console) -> list[Section]:
    sections = []
    for name in names:
        began = time.monotonic()
        section = await BENCHMARKS[name](run)
        console.print()
        report.show(section, console)
        console.print(f"  [dim]{name} took {time.monotonic() - began:.0f} s[/]", highlight=False)
        sections.append(section)
    return sections


def main() -> int:
    """Run, print, and write; 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against the alternatives.")
    parser.add_argument("--only", help=f"some of {', '.join(BENCHMARKS)}, with commas")
    parser.add_argument("--quick", action="store_true", help="one round with small numbers: says that it runs, no more")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write what was measured into this report")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if given.rounds < 1:
        parser.error(f"--rounds {given.rounds}: at least 1")
    if given.quick and given.write:
        parser.error("--quick measures nothing worth writing down: leave out one of --quick and --write")
    logging.disable(logging.WARNING)
    console = Console(width=None if sys.stdout.isatty() else 140)
    run = Run(
        rounds=1 if given.quick else given.rounds,
        quick=given.quick,
        say=lambda text: console.print(text, style="dim", highlight=False),
    )
    sections = asyncio.run(_run(names, run, console))
    if given.write:
        report.write(given.write, sections, rounds=run.rounds)
    missed = sum(not target.holds for section in sections for target in section.targets)
    if missed and not given.quick:
        console.print(f"[red]{missed} target(s) missed[/]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
