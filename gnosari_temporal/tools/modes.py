"""The mode of a call: what a team file fixes, and what it leaves to whoever calls.

A tool without a written mode is sync and lets the caller choose: ``execution_mode`` and ``async_priority`` among the
arguments of the call, described in the tool's schema and taken out before the tool sees them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple, cast, get_args

from ..errors import ToolInputError
from ..messages import HIGHEST_PRIORITY, LOWEST_PRIORITY
from .arguments import shown, suggestion
from .spec import Mode

SYNC: Mode = "sync"
ASYNC: Mode = "async"
EXECUTION_MODE = "execution_mode"
ASYNC_PRIORITY = "async_priority"

MODE_SCHEMA: Mapping[str, Any] = {
    "type": "string",
    "enum": [SYNC, ASYNC],
    "description": "sync (default): wait for the result. async: get a ticket at once and the result later.",
}
PRIORITY_SCHEMA: Mapping[str, Any] = {
    "type": "integer",
    "minimum": HIGHEST_PRIORITY,
    "maximum": LOWEST_PRIORITY,
    "description": f"Priority of an async call, {HIGHEST_PRIORITY} (first) to {LOWEST_PRIORITY}.",
}


class Choice(NamedTuple):
    """How one call is made."""

    mode: Mode
    priority: int | None
    """What the caller asked for; None: the tool's own."""


def with_choice(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's JSON schema with the two arguments by which a caller chooses; arguments of the tool's own stay."""
    chosen = copy.deepcopy(dict(schema))
    properties = chosen.setdefault("properties", {})
    properties.setdefault(EXECUTION_MODE, dict(MODE_SCHEMA))
    properties.setdefault(ASYNC_PRIORITY, dict(PRIORITY_SCHEMA))
    return chosen


def take_choice(
    arguments: MutableMapping[str, Any], schema: Mapping[str, Any] | None = None, *, written: Mode | None
) -> Choice:
    """Take what the caller chose out of the arguments. A mode that is ``written`` in the team file is fixed.

    ``schema`` is the tool's own: an argument that it has of one of these names is the tool's and stays.

    Raises:
        ToolInputError: the mode or the priority is none.
    """
    own = (schema or {}).get("properties") or {}
    asked = None if EXECUTION_MODE in own else arguments.pop(EXECUTION_MODE, None)
    priority = None if ASYNC_PRIORITY in own else arguments.pop(ASYNC_PRIORITY, None)
    if asked is not None and asked not in get_args(Mode):
        hint = suggestion(str(asked), get_args(Mode))
        raise ToolInputError(f"{EXECUTION_MODE}: {shown(asked)} is no mode{hint}", fields=(EXECUTION_MODE,))
    if priority is not None:
        priority = _checked_priority(priority)
    mode = written or cast("Mode | None", asked) or SYNC
    return Choice(mode, priority if mode == ASYNC else None)


def _checked_priority(value: Any) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    if not whole or not HIGHEST_PRIORITY <= value <= LOWEST_PRIORITY:
        raise ToolInputError(
            f"{ASYNC_PRIORITY}: {shown(value)} is no whole number from {HIGHEST_PRIORITY} to {LOWEST_PRIORITY}",
            fields=(ASYNC_PRIORITY,),
        )
    return int(value)
