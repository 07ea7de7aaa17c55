"""Where the values of the settings come from: variables, ``gnosari.toml``, the Celery version's variables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from .environment import CELERY_FALLBACKS, ENVIRONMENT

SETTINGS_FILE = "gnosari.toml"


def gather(directory: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that are set anywhere, and the name of the place that each came from.

    Raises:
        SettingsError: ``gnosari.toml`` cannot be read.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for variable, name in reversed(CELERY_FALLBACKS.items()):
        if environ.get(variable):
            values[name] = _split(name, environ[variable])
            sources[name] = variable
    path = directory / SETTINGS_FILE
    for name, value in _read_toml(path).items():
        values[name] = value
        sources[name] = SETTINGS_FILE
    for variable, name in ENVIRONMENT.items():
        if environ.get(variable):
            group, _, inner = name.partition(".")
            value = _split(name, environ[variable])
            values[group] = {**values.get(group, {}), inner: value} if inner else value
            sources[name] = variable
    return values, sources


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: {error}") from error


_LISTS = {"modules", "teams", "queues", "tools.allow", "tools.allowed_hosts"}


def _split(name: str, text: str) -> Any:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if name in _LISTS else text
