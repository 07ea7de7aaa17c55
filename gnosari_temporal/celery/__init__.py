"""Celery's interface on top of Temporal: code written for Celery runs with one changed import.

from gnosari_temporal.celery import Celery

app = Celery("proj")

@app.task
def add(x, y):
    return x + y

add.delay(1, 2).get(timeout=60)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..consumers import BaseConsumer
    from ..messages import BaseMessage
    from .app import celery_app, create_celery_app
    from .application import Celery
    from .canvas import Signature, chain, chord, chunks, group, maybe_signature, signature, subtask, xmap, xstarmap
    from .config import CeleryConfig
    from .consumer_task import ConsumerTask, task_of
    from .current import current_app, current_task
    from .result import AsyncResult
    from .sending import new_id as uuid
    from .shared import shared_task
    from .task import Task

_HOME = {
    "AsyncResult": ".result",
    "BaseConsumer": "..consumers",
    "BaseMessage": "..messages",
    "Celery": ".application",
    "CeleryConfig": ".config",
    "ConsumerTask": ".consumer_task",
    "Signature": ".canvas",
    "Task": ".task",
    "celery_app": ".app",
    "chain": ".canvas",
    "chord": ".canvas",
    "chunks": ".canvas",
    "create_celery_app": ".app",
    "current_app": ".current",
    "current_task": ".current",
    "group": ".canvas",
    "maybe_signature": ".canvas",
    "shared_task": ".shared",
    "signature": ".canvas",
    "subtask": ".canvas",
    "task_of": ".consumer_task",
    "uuid": ".utils",
    "xmap": ".canvas",
    "xstarmap": ".canvas",
}
_MODULES = {"app", "base", "canvas", "config", "consumers", "exceptions", "result", "states", "utils"}


def __getattr__(name: str) -> Any:
    """Import on first use: who only reads code for ``gnosari migrate`` does not load the shim."""
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_MODULES})


__all__ = [
    "AsyncResult",
    "BaseConsumer",
    "BaseMessage",
    "Celery",
    "CeleryConfig",
    "ConsumerTask",
    "Signature",
    "Task",
    "celery_app",
    "chain",
    "chord",
    "chunks",
    "create_celery_app",
    "current_app",
    "current_task",
    "group",
    "maybe_signature",
    "shared_task",
    "signature",
    "subtask",
    "task_of",
    "uuid",
    "xmap",
    "xstarmap",
]
