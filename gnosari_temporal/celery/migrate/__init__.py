"""Reads a Celery code base without running it, and says what of it runs on ``gnosari_temporal.celery``.

>>> report = analyse("path/to/project")
>>> report.summary[Verdict.DOES_NOT_RUN]
0

``rules`` is the table of constructs. Nothing here imports the Celery-shaped modules beside it, Celery, or the code that
is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .findings import Finding, Report, Verdict
from .rules import RULES, Rule

if TYPE_CHECKING:
    from .analysis import analyse


def __getattr__(name: str) -> Any:
    """Import the analysis on first use: the shim beside this needs the table alone."""
    if name != "analyse":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .analysis import analyse

    return analyse


__all__ = ["RULES", "Finding", "Report", "Rule", "Verdict", "analyse"]
