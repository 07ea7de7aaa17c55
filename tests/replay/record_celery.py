"""Records the histories of task calls and canvases for the replay tests: ``python -m tests.replay.record_celery``."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from gnosari_temporal import Application, GnosariClient, GnosariWorker, blocking
from gnosari_temporal.celery import Celery, chain, chord, group
from gnosari_temporal.testing import LocalServer

from .record_agents import HISTORIES, _keep

QUEUE = "celery-replay"


def make_app() -> Celery:
    """An app with tasks that succeed, are tried again, fail, and call back."""
    app = Celery("replay", set_as_current=False)
    app.conf.task_default_queue = QUEUE

    @app.task(name="replay.add")
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="replay.total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @app.task(name="replay.fail")
    def fail(*_: Any) -> None:
        raise ValueError("broken")

    @app.task(name="replay.told")
    def told(request: Any, exc: Exception, traceback: str) -> str:
        return type(exc).__name__

    @app.task(name="replay.again", bind=True)
    def again(self: Any, number: int) -> int:
        if number < 3:
            raise self.retry(args=[number + 1], countdown=0.05 if number == 1 else 0)
        return number

    @app.task(name="replay.parked", bind=True)
    def parked(self: Any) -> None:
        from gnosari_temporal.celery.exceptions import Ignore

        self.update_state(state="PARKED", meta=1)
        raise Ignore

    @app.task(name="replay.early", acks_late=False)
    def early() -> int:
        return 1

    return app


def send(app: Celery) -> dict[str, str]:
    """Send one of each and wait for them; job ids to names of histories."""
    task = app.tasks
    add, total, fail = task["replay.add"], task["replay.total"], task["replay.fail"]
    told = task["replay.told"].s()
    calls = {
        "linked": add.apply_async((1, 2), link=[add.s(3), group(add.s(4), add.s(5))], countdown=0.1),
        "retried": task["replay.again"].apply_async((1,), expires=60),
        "failed": fail.apply_async(link_error=told),
        "parked": task["replay.parked"].delay(),
        "early": task["replay.early"].delay(),
        "chain": chain(add.s(1, 2), add.s(3), add.si(4, 5))(),
        "broken": chain(fail.s(), add.s(3), group(add.s(1), add.s(2)), total.s())(),
        "chord": chord([add.s(1, 2), chain(add.s(1, 1), add.s(2))])(total.s()),
        "unhappy": chord([add.s(1, 2), fail.s()])(total.s().on_error(told)),
    }
    plain = group(add.s(1, 2), add.s(3, 4)).delay()
    for result in (*calls.values(), *plain.results):
        result.get(timeout=60, propagate=False)
    revoked = add.apply_async((1, 1), queue="nobody-serves-it")
    revoked.revoke()
    kept = {f"task/{result.id}": f"call_{name}" for name, result in calls.items()}
    return {
        **kept,
        f"group/{plain.id}": "call_group",
        f"group/{calls['chord'].parent.id}": "call_header",
        f"group/{calls['unhappy'].parent.id}": "call_unhappy_header",
    }


async def record(server: LocalServer) -> None:
    """Run the calls and keep the histories of their workflows."""
    settings = server.settings(default_queue=QUEUE)
    blocking.configure(settings)
    client = await GnosariClient.connect(settings)
    app = make_app()
    async with GnosariWorker(client, Application.build(settings, consumers=[app])):
        kept = await asyncio.to_thread(send, app)
    for id, name in kept.items():
        await _keep(client, id, None, name)
    blocking.configure()


def main() -> None:
    """Record on a server of its own."""
    logging.disable()
    HISTORIES.mkdir(exist_ok=True)
    with LocalServer() as server:
        asyncio.run(record(server))


if __name__ == "__main__":
    main()
