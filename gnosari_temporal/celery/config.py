"""Gnosari's configuration of its app; derive from it, or write a class of your own with what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..settings import DEFAULT_QUEUE


class CeleryConfig:
    """The settings of ``celery_app``."""

    task_serializer = "json"
    result_serializer = "json"
    accept_content: ClassVar[tuple[str, ...]] = ("json",)
    timezone = "UTC"
    enable_utc = True
    task_default_queue = DEFAULT_QUEUE
    task_default_priority = 5
    task_routes: ClassVar[Mapping[str, Any]] = {}


__all__ = ["CeleryConfig"]
