"""The base classes, where Gnosari on Celery has them: ``from gnosari_temporal.celery.base import BaseMessage``."""

from __future__ import annotations

from ..consumers import BaseConsumer
from ..messages import BaseMessage

__all__ = ["BaseConsumer", "BaseMessage"]
