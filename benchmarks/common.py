"""What every benchmark works with: the run, figures of its rounds, tables, and what the issue wants shown."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    place = -(-len(ordered) * percent // 100)
    return ordered[max(int(place), 1) - 1]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median and, in brackets, the smallest and largest of several."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    low, middle, high = min(values), median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Median of the rounds' ratios: both sides of one round had the same machine."""
    return median(a / b for a, b in zip(of, to, strict=True))


@dataclass(frozen=True)
class Run:
    """One run of benchmarks."""

    rounds: int = 5
    quick: bool = False
    say: Callable[[str], None] = print

    def count(self, full: int, quick: int) -> int:
        """How many of something: fewer where the run is only tried."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Table:
    """A table of the report; the first column names the side."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """Something that has to hold, and what was measured."""

    text: str
    measured: str
    holds: bool


@dataclass
class Section:
    """What one benchmark found."""

    title: str
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    setups: dict[str, str] = field(default_factory=dict)
    """How each side was set up."""
    reading: str = ""
    """How to read it, in a paragraph."""
    missing: list[str] = field(default_factory=list)
    """What could not be measured here, and why."""


Benchmark = Callable[[Run], Awaitable[Section]]
