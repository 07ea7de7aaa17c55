"""The pre-configured app, where Gnosari on Celery has it: ``from gnosari_temporal.celery.app import celery_app``."""

from __future__ import annotations

from typing import Any

from .application import Celery
from .config import CeleryConfig


def create_celery_app(name: str = "gnosari", config: Any = CeleryConfig, **options: Any) -> Celery:
    """An app with Gnosari's configuration, or one of your own; ``options`` are those of ``Celery``."""
    return Celery(name, config_source=config, **options)


celery_app = create_celery_app()
"""The app of a project that makes none itself."""

__all__ = ["Celery", "celery_app", "create_celery_app"]
