"""What the analysis of a Celery code base found: verdicts, findings, the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What becomes of a Celery construct when the code runs on ``gnosari_temporal.celery``."""

    AS_IS = "as-is"
    """It runs as it stands; its rule says where it is accepted without effect."""

    CHANGED_IMPORT = "changed-import"
    """It runs once the import that the remedy shows is in place."""

    DOES_NOT_RUN = "does-not-run"
    """It does not run here; the remedy says what to do instead."""


@dataclass(frozen=True, order=True)
class Finding:
    """One Celery construct at one place.

    ``path`` is relative to what was analysed, with forward slashes; ``line`` and ``column`` count from 1.
    ``construct`` is the id of its rule, ``text`` says what happens here, ``remedy`` what to change (empty
    where nothing has to be).
    """

    path: str
    line: int
    column: int
    construct: str
    verdict: Verdict
    text: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON data."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "construct": self.construct,
            "verdict": self.verdict.value,
            "text": self.text,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Report:
    """Everything that was found in one code base, in the order of path and line."""

    path: str
    files: int
    """How many files were read."""
    findings: tuple[Finding, ...] = field(default=())

    @property
    def summary(self) -> dict[Verdict, int]:
        """The number of findings of each verdict; every verdict has its entry."""
        counts = dict.fromkeys(Verdict, 0)
        for finding in self.findings:
            counts[finding.verdict] += 1
        return counts

    @property
    def runs(self) -> bool:
        """Whether everything runs, as it is or with a changed import."""
        return not self.summary[Verdict.DOES_NOT_RUN]

    def only(self, verdicts: Iterable[Verdict]) -> Report:
        """The same report with the findings of these verdicts alone."""
        wanted = frozenset(verdicts)
        kept = tuple(finding for finding in self.findings if finding.verdict in wanted)
        return Report(self.path, self.files, kept)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON data: ``path``, ``files``, ``runs``, ``summary``, ``findings``."""
        return {
            "path": self.path,
            "files": self.files,
            "runs": self.runs,
            "summary": {verdict.value: count for verdict, count in self.summary.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }
