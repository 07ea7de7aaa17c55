"""Names of ``celery.utils``."""

from __future__ import annotations

from ..sending import new_id as uuid

__all__ = ["uuid"]
