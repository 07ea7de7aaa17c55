"""What is done to a document's data before it is validated: ignored keys, nulls and variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import SettingsError
from .document import Location
from .problems import Problems

Pattern = tuple[str, ...]
"""Keys that lead to a key; ``*`` stands for every item of a list or every key."""


def drop_keys(data: Any, ignored: Mapping[Pattern, str], warnings: Problems, location: Location = ()) -> Any:
    """The data without the keys of ``ignored``; the reason for each of them becomes a warning."""
    if isinstance(data, dict):
        kept: dict[str, Any] = {}
        for key, value in data.items():
            here = (*location, key)
            reason = _reason(here, ignored)
            if reason is None:
                kept[key] = drop_keys(value, ignored, warnings, here)
            else:
                warnings.add(here, reason)
        return kept
    if isinstance(data, list):
        return [drop_keys(value, ignored, warnings, (*location, index)) for index, value in enumerate(data)]
    return data


def drop_nulls(data: Any, opaque: Callable[[Location], bool], location: Location = ()) -> Any:
    """The data without keys that have no value; what is ``opaque`` is kept as it is."""
    if opaque(location):
        return data
    if isinstance(data, dict):
        return {key: drop_nulls(value, opaque, (*location, key)) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [drop_nulls(value, opaque, (*location, index)) for index, value in enumerate(data)]
    return data


def expand_values(
    data: Any,
    expand: Callable[[Location, str], str],
    opaque: Callable[[Location], bool],
    problems: Problems,
    location: Location = (),
) -> Any:
    """The data with every text that is not ``opaque`` expanded; a SettingsError becomes a problem."""
    if opaque(location):
        return data
    if isinstance(data, dict):
        return {key: expand_values(value, expand, opaque, problems, (*location, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [expand_values(value, expand, opaque, problems, (*location, index)) for index, value in enumerate(data)]
    if isinstance(data, str):
        try:
            return expand(location, data)
        except SettingsError as error:
            problems.add(location, str(error))
    return data


def _reason(location: Location, ignored: Mapping[Pattern, str]) -> str | None:
    for pattern, reason in ignored.items():
        if len(pattern) == len(location) and all(
            part in ("*", key) for part, key in zip(pattern, location, strict=True)
        ):
            return reason
    return None
