"""How the server is tuned: one table, for the embedded server and ``deploy/dynamicconfig/gnosari.yaml``.

The names are Temporal's dynamic configuration; ``docs/deployment.md`` has the measured effect of each value.
"""

from __future__ import annotations

from typing import NamedTuple

from ..messages import LOWEST_PRIORITY


class Tuned(NamedTuple):
    """One value of the server's dynamic configuration."""

    key: str
    value: int | bool | str
    why: str


TUNING: tuple[Tuned, ...] = (
    Tuned(
        "history.transferProcessorMaxPollRPS",
        2000,
        "Every task passes this queue; at the stock 20 a second messages on end wait 50 ms for each task.",
    ),
    Tuned(
        "history.timerProcessorMaxPollRPS",
        2000,
        "The same for timers: many delays, retries and timeouts that are due together.",
    ),
    Tuned(
        "history.timerProcessorMaxTimeShift",
        "20ms",
        "The shortest timer: stock servers make one second of any shorter delay or backoff.",
    ),
    Tuned(
        "history.visibilityProcessorMaxPollRPS",
        2000,
        "The same for what lists and the Web UI show.",
    ),
    Tuned(
        "matching.numTaskqueueReadPartitions",
        1,
        "Order between priorities holds inside one partition only; the stock number is 4.",
    ),
    Tuned(
        "matching.numTaskqueueWritePartitions",
        1,
        "Never more than the read partitions.",
    ),
    Tuned(
        "matching.priorityLevels",
        LOWEST_PRIORITY,
        "A message's priority 1 to 10 is the server's own; stock servers have 5 levels.",
    ),
    Tuned(
        "matching.enableFairness",
        True,
        "Inside one priority, fairness keys take turns: a large batch does not hold up the others.",
    ),
    Tuned(
        "matching.priorityBacklogForwarding",
        False,
        "Polls for the next steps of jobs bring next steps: stock servers answer them with new jobs that wait for 5 s.",
    ),
    Tuned(
        "frontend.namespaceCount",
        10_000,
        "Calls that wait, one for each result that somebody awaits: stock servers refuse those over 1,200.",
    ),
    Tuned(
        "frontend.namespaceRPS.visibility",
        500,
        "Lists and counts a second: stock clusters allow 10, the stock development server 100.",
    ),
)
"""The dynamic configuration."""

SQLITE_PRAGMAS: dict[str, str] = {"journal_mode": "WAL", "synchronous": "NORMAL"}
"""For a database file: commits append to a log that is synchronised at checkpoints, not on every commit.

A power cut can lose the last commits, a killed server loses nothing.
"""


IN_ORDER = Tuned(
    "history.transferProcessorSchedulerWorkerCount",
    1,
    "Tasks are handed on one by one, in the order they came: of two jobs sent at once the first is the first in line.",
)
"""What ``--strict-order`` adds."""


def dynamic_config(*, strict_order: bool = False) -> dict[str, int | bool | str]:
    """The table as key and value."""
    return {entry.key: entry.value for entry in (*TUNING, *((IN_ORDER,) if strict_order else ()))}
