"""The jobs on Celery with Redis, set up as the document of Gnosari's queue system has it.

Each task reads a validated message and runs its consumer's ``process`` in an event loop of its own. A worker:
``celery -A benchmarks.apps.celery_worker worker``.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from celery import Celery
from pydantic import BaseModel, Field

from .work import SURVIVOR_STAYS, mark

R = TypeVar("R")


class Message(BaseModel):
    """The document's BaseMessage."""

    message_id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    priority: int = Field(default=5, ge=1, le=10)
    retry_count: int = 0
    max_retries: int = 3


class Double(Message):
    n: int


class Hold(Message):
    seconds: float
    path: str


class Survive(Message):
    path: str


def make_app(redis: str, visibility_timeout: float | None = None) -> Celery:
    """The app on this Redis (``redis://host:port``); ``visibility_timeout`` in seconds, None: its default, an hour."""
    app = Celery("benchmarks", broker=f"{redis}/0", backend=f"{redis}/1")
    transport: dict[str, Any] = {"priority_steps": list(range(10)), "queue_order_strategy": "priority"}
    if visibility_timeout is not None:
        transport["visibility_timeout"] = visibility_timeout
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        result_serializer="json",
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        broker_transport_options=transport,
        broker_connection_retry_on_startup=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )

    @app.task(name="double", shared=False)
    def double(data: dict[str, Any]) -> int:
        message = Double.model_validate(data)

        async def process() -> int:
            return message.n * 2

        return _in_a_loop(process)

    @app.task(name="hold", shared=False, ignore_result=True)
    def hold(data: dict[str, Any]) -> None:
        message = Hold.model_validate(data)
        mark(message.path)
        _in_a_loop(lambda: asyncio.sleep(message.seconds))

    @app.task(name="begin", shared=False)
    def begin(data: dict[str, Any]) -> float:
        Message.model_validate(data)

        async def process() -> float:
            return time.monotonic()

        return _in_a_loop(process)

    @app.task(name="survive", shared=False)
    def survive(data: dict[str, Any]) -> int:
        message = Survive.model_validate(data)

        async def process() -> int:
            attempt = mark(message.path)
            if attempt == 1:
                await asyncio.sleep(SURVIVOR_STAYS)
            return attempt

        return _in_a_loop(process)

    return app


MESSAGES: dict[str, type[Message]] = {"double": Double, "hold": Hold, "begin": Message, "survive": Survive}


def _in_a_loop(process: Callable[[], Awaitable[R]]) -> R:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(process())
    finally:
        loop.close()
