"""The shop's tasks."""

from .orders import invoice, ship

__all__ = ["invoice", "ship"]
