"""``${VAR}`` and ``${VAR:default}`` in texts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ..errors import SettingsError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<default>[^}]*))?\}")


def expand(
    text: str,
    environ: Mapping[str, str] | None = None,
    *,
    missing: Callable[[str], str] | None = None,
    used: MutableMapping[str, str] | None = None,
) -> str:
    """Resolve ``${VAR}`` and ``${VAR:default}`` in a text.

    ``missing`` gives the value of a variable that is not set and has no default, in place of the error. ``used`` is
    told which variables of the environment went in, with their values.

    Raises:
        SettingsError: a variable without default is not set.
    """
    surroundings = os.environ if environ is None else environ

    def value_of(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name in surroundings:
            if used is not None:
                used[name] = surroundings[name]
            return surroundings[name]
        if default is not None:
            return default
        if missing is not None:
            return missing(name)
        raise SettingsError(f"${{{name}}} is not set: set {name}, or write ${{{name}:default}}")

    return _VARIABLE.sub(value_of, text)


def expand_tree(
    value: Any, environ: Mapping[str, str] | None = None, *, used: MutableMapping[str, str] | None = None
) -> Any:
    """``expand`` on every text of a nested dict or list; keys stay as they are."""
    if isinstance(value, str):
        return expand(value, environ, used=used)
    if isinstance(value, Mapping):
        return {key: expand_tree(item, environ, used=used) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(expand_tree(item, environ, used=used) for item in value)
    return value
