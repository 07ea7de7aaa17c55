"""``get_task_logger``: a logger whose records carry the task's name and id."""

from __future__ import annotations

import logging

from ..context import current


class _TaskFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``task_name`` and ``task_id``."""
        found = current()
        record.task_name = getattr(found[0], "name", None) if found else "???"
        record.task_id = found[1].id if found else "???"
        return True


def get_task_logger(name: str) -> logging.Logger:
    """The logger of this name; in a task its records have ``task_name`` and ``task_id``."""
    logger = logging.getLogger(name)
    if not any(isinstance(one, _TaskFilter) for one in logger.filters):
        logger.addFilter(_TaskFilter())
    return logger
