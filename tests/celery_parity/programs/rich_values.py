"""Dates, UUIDs, decimals and bytes reach the task, and come back, as what they were."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from ..support import TIMEOUT

VALUES = [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), date(2026, 1, 2), UUID(int=7), Decimal("1.50"), b"\x00\xff"]
EXPECTED = {"seen": ["datetime", "date", "UUID", "Decimal", "bytes"], "same": [True] * 5}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task
    def kinds(values: list[Any]) -> list[str]:
        return [type(value).__name__ for value in values]

    @app.task
    def echo(value: Any) -> Any:
        return value

    return SimpleNamespace(kinds=kinds, echo=echo)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    return {
        "seen": tasks.kinds.delay(VALUES).get(timeout=TIMEOUT),
        "same": [tasks.echo.delay(value).get(timeout=TIMEOUT) == value for value in VALUES],
    }
