"""A worker of tasks that a test kills: ``python celery_fragile.py ADDRESS QUEUE`` works until it is ended."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from gnosari_temporal import Application, GnosariClient, GnosariWorker
from gnosari_temporal.celery import Celery, Task
from gnosari_temporal.testing import local_settings


def make_app(queue: str) -> Celery:
    """An app with tasks that hang the first time."""
    app = Celery("fragile", set_as_current=False)
    app.conf.task_default_queue = queue

    class Told(Task):
        def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            Path(args[0], f"on_failure {type(exc).__name__}").touch()

    def hang(folder: str) -> int:
        starts = len(list(Path(folder).glob("start*"))) + 1
        Path(folder, f"start{starts}").touch()
        if starts == 1:
            time.sleep(600)
        return starts

    common: dict[str, Any] = {"base": Told, "heartbeat_timeout": 1.5}
    app.task(name="fragile.late", **common)(hang)
    app.task(name="fragile.early", acks_late=False, **common)(hang)

    @app.task(name="fragile.told")
    def told(request: Any, exc: Exception, traceback: str, folder: str) -> None:
        Path(folder, f"told {type(exc).__name__}").touch()

    return app


async def main(address: str, queue: str) -> None:
    """Work, and say when."""
    settings = local_settings(address, default_queue=queue, concurrency=4)
    client = await GnosariClient.connect(settings)
    async with GnosariWorker(client, Application.build(settings, consumers=[make_app(queue)])):
        print("ready", flush=True)
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
