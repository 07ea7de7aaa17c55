"""The states that a call goes through, one of its own included; ``Ignore`` leaves it at the last."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..support import outcome, wait_until

EXPECTED = {
    "seen": ["STARTED", "PACKING", "SUCCESS"],
    "meta": {"done": 1, "of": 2},
    "ready": [False, False, True],
    "parked": ["PARKED", {"shelf": 7}],
}


def build(app: Any, celery: Any) -> SimpleNamespace:
    @app.task(bind=True)
    def pack(self: Any, folder: str) -> str:
        wait_until(Path(folder, "started").exists)
        self.update_state(state="PACKING", meta={"done": 1, "of": 2})
        wait_until(Path(folder, "packing").exists)
        return "packed"

    @app.task(bind=True)
    def park(self: Any) -> None:
        self.update_state(state="PARKED", meta={"shelf": 7})
        raise celery.exceptions.Ignore

    return SimpleNamespace(pack=pack, park=park)


def run(tasks: SimpleNamespace, scratch: Path) -> Any:
    result = tasks.pack.delay(str(scratch))
    seen, ready = [], []
    for state in ("STARTED", "PACKING"):
        wait_until(lambda state=state: result.state == state, state)
        seen.append(result.state)
        ready.append(result.ready())
        if state == "PACKING":
            meta = result.info
        (scratch / state.lower()).touch()
    outcome(result)
    parked = tasks.park.delay()
    wait_until(lambda: parked.state == "PARKED", "PARKED")
    return {
        "seen": [*seen, result.state],
        "meta": meta,
        "ready": [*ready, result.ready()],
        "parked": [parked.state, parked.info],
    }
