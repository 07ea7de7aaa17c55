"""``autoretry_for``: the exceptions listed run the task again, others and those taken out do not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import note, notes, outcome

EXPECTED = {
    "OSError": ["FAILURE", "OSError", 3],
    "ConnectionError": ["FAILURE", "ConnectionError", 1],
    "ValueError": ["FAILURE", "ValueError", 1],
    "recovered": {"state": "SUCCESS", "value": 2},
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    options = {
        "autoretry_for": (OSError,),
        "dont_autoretry_for": (ConnectionError,),
        "max_retries": 2,
        "default_retry_delay": 0,
    }

    @app.task(**options)
    def fail(path: str, kind: str) -> None:
        note(path)
        raise {"OSError": OSError, "ConnectionError": ConnectionError, "ValueError": ValueError}[kind]("no")

    @app.task(autoretry_for=(OSError,), retry_kwargs={"max_retries": 4, "countdown": 0})
    def recover(path: str) -> int:
        if note(path) < 2:
            raise OSError
        return 2

    return SimpleNamespace(fail=fail, recover=recover)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    found: dict[str, Any] = {}
    for kind in ("OSError", "ConnectionError", "ValueError"):
        ended = outcome(tasks.fail.delay(str(scratch / kind), kind))
        found[kind] = [ended["state"], ended["error"], len(notes(scratch / kind))]
    return {**found, "recovered": outcome(tasks.recover.delay(str(scratch / "recovered")))}
