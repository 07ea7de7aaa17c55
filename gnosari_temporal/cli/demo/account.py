"""The account of the demo: the jobs that were sent, and whether each did what was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...client import JobState, JobStatus
from .observe import Attempts, JobWatch


@dataclass(frozen=True)
class Check:
    """One thing that should be so."""

    what: str
    expected: str
    found: str

    @property
    def ok(self) -> bool:
        """Whether it is."""
        return self.expected == self.found


@dataclass(frozen=True)
class Entry:
    """One job, as the server tells of it at the end."""

    told: str
    """What was shown with it."""
    status: JobStatus
    attempts: list[Attempts]

    @property
    def seconds(self) -> float | None:
        """From the send to the end."""
        created, ended = self.status.created_at, self.status.ended_at
        return (ended - created).total_seconds() if created and ended else None

    def attempts_in_words(self) -> str:
        """``4: 0.30 0.61 1.20 s``, the attempts and the waits between them; ``4 consumers`` for several."""
        if not self.attempts:
            return "none"
        if len(self.attempts) > 1:
            return f"{len(self.attempts)} consumers"
        only = self.attempts[0]
        waits = " ".join(f"{wait:.2f}" for wait in only.waits)
        return f"{only.count}: {waits} s" if waits else str(only.count)

    def as_data(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "told": self.told,
            "id": self.status.id,
            "type": self.status.type,
            "state": self.status.state.value,
            "priority": self.status.priority,
            "summary": self.status.summary,
            "reason": self.status.reason,
            "seconds": self.seconds,
            "attempts": [{"consumer": a.consumer, "count": a.count, "waits": a.waits} for a in self.attempts],
        }


@dataclass
class Account:
    """What happened."""

    entries: list[Entry] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all went as told."""
        return all(check.ok for check in self.checks)

    def expect(self, what: str, expected: object, found: object) -> None:
        """Note what should be so and what is."""
        self.checks.append(Check(what, str(expected), str(found)))

    def expect_that(self, what: str, holds: bool, found: object) -> None:
        """Note a condition; ``found`` explains it where it does not hold."""
        self.checks.append(Check(what, "yes", "yes" if holds else f"no: {found}"))

    async def enter(self, told: str, watch: JobWatch, expected: JobState) -> Entry:
        """Wait for the end of a job, read it from the server and compare its state."""
        status = await watch.ended()
        entry = Entry(told, status, await watch.attempts())
        self.entries.append(entry)
        self.expect(f"{told}: state", expected.value, status.state.value)
        return entry
