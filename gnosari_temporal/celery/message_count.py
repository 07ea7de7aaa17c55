"""The retry count of a serialized message among a task's arguments, which advances with each attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_FIELDS = frozenset({"message_id", "created_at", "priority", "retry_count", "max_retries"})
"""What makes a dictionary a serialized message: the fields of ``BaseMessage``."""


def advanced(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments with ``retry_count`` one higher in every serialized message among them; None: there is none.

    On Celery the next attempt gets the message as it was first sent, so a wait that is computed from the count
    never grows.
    """
    if not any(_is_message(value) for value in (*args, *kwargs.values())):
        return None
    return {
        "args": [_next(value) for value in args],
        "kwargs": {name: _next(value) for name, value in kwargs.items()},
    }


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() >= _FIELDS and type(value["retry_count"]) is int


def _next(value: Any) -> Any:
    return {**value, "retry_count": value["retry_count"] + 1} if _is_message(value) else value
