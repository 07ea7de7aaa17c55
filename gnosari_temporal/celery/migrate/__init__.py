"""Reads a Celery code base without running it, and says what of it runs on ``gnosari_temporal.celery``.

>>> report = analyse("path/to/project")
>>> report.summary[Verdict.DOES_NOT_RUN]
0

``rules`` is the table of constructs. Nothing here imports the Celery-shaped modules beside it, Celery, or the code that
is read.
"""

from __future__ import annotations

from .analysis import analyse
from .findings import Finding, Report, Verdict
from .rules import RULES, Rule

__all__ = ["RULES", "Finding", "Report", "Rule", "Verdict", "analyse"]
