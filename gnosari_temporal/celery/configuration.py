"""The configuration of an app: ``app.conf``, by Celery's new names and its old ones."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .declaring import check_setting
from .exceptions import ImproperlyConfigured
from .migrate.setting_names import is_setting, new_name

DEFAULTS: Mapping[str, Any] = {
    "accept_content": ("json",),
    "enable_utc": True,
    "gnosari_priority_style": "gnosari",
    "imports": (),
    "include": (),
    "result_expires": timedelta(days=1),
    "result_serializer": "json",
    "task_acks_late": None,
    "task_always_eager": False,
    "task_default_priority": None,
    "task_default_queue": "celery",
    "task_eager_propagates": False,
    "task_ignore_result": False,
    "task_max_retries": 3,
    "task_queues": None,
    "task_retry_delay": 180,
    "task_routes": None,
    "task_serializer": "json",
    "task_soft_time_limit": None,
    "task_store_eager_result": False,
    "task_time_limit": None,
    "timezone": None,
}
"""What is in force unless set; Celery's own defaults, but for what has no meaning here."""


class Configuration(MutableMapping[str, Any]):
    """The settings of an app, as attributes and as items; a source given by name is read when first asked."""

    def __init__(self) -> None:
        self.__dict__["_values"] = {}
        self.__dict__["_pending"] = []

    def add_source(self, source: Any, namespace: str | None = None) -> None:
        """Read a class, a module, the dotted name of either, or a dict; later, when a setting is asked for."""
        self._pending.append((source, namespace))

    @property
    def zone(self) -> tzinfo:
        """How a time without zone is read."""
        name = self["timezone"]
        if name is None or isinstance(name, tzinfo):
            return name or UTC
        try:
            return ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ImproperlyConfigured(f"setting timezone = {name!r} is no time zone: {error}") from error

    @property
    def own(self) -> dict[str, Any]:
        """What was set, without the defaults."""
        self._read()
        return dict(self._values)

    def _read(self) -> None:
        while self._pending:
            source, namespace = self._pending.pop(0)
            for name, value in _settings_of(source, namespace).items():
                self._values.setdefault(name, value)

    def __getitem__(self, name: str) -> Any:
        self._read()
        setting = name if name in self._values else new_name(name) or name
        if setting in self._values:
            return self._values[setting]
        if setting in DEFAULTS:
            return DEFAULTS[setting]
        if is_setting(setting):
            return None
        raise KeyError(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self._read()
        self._values[check_setting(name, value)] = value

    def __delitem__(self, name: str) -> None:
        self._read()
        del self._values[check_setting(name, None)]

    def __iter__(self) -> Iterator[str]:
        self._read()
        return iter({**DEFAULTS, **self._values})

    def __len__(self) -> int:
        self._read()
        return len({**DEFAULTS, **self._values})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the configuration has no setting {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return f"<Configuration {self.own!r}>"


def _settings_of(source: Any, namespace: str | None) -> dict[str, Any]:
    found = _loaded(source) if isinstance(source, str) else source
    pairs: Mapping[str, Any]
    if isinstance(found, Mapping):
        pairs = found
    else:
        pairs = {name: getattr(found, name) for name in dir(found) if not name.startswith("_")}
        if inspect.ismodule(found) or inspect.isclass(found) or namespace:
            pairs = {name: value for name, value in pairs.items() if not inspect.ismodule(value)}
    prefix = f"{namespace.upper()}_" if namespace else ""
    settings: dict[str, Any] = {}
    for name, value in pairs.items():
        if prefix and not name.startswith(prefix):
            continue
        if callable(value) and not _takes_callable(name):
            continue
        settings[check_setting(name, value, namespace)] = value
    return settings


def _takes_callable(name: str) -> bool:
    return name.lower().endswith(("routes", "router"))


def _loaded(name: str) -> Any:
    """A module, or what a module holds, by its dotted name (``package.module:Name`` too)."""
    module, colon, attribute = name.partition(":")
    try:
        if colon:
            return getattr(importlib.import_module(module), attribute)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        parent, dot, last = name.rpartition(".")
        if error.name != name or not dot:
            raise ImproperlyConfigured(f"the configuration {name!r} cannot be imported: {error}") from error
    try:
        return getattr(importlib.import_module(parent), last)
    except (ImportError, AttributeError) as error:
        raise ImproperlyConfigured(f"the configuration {name!r} cannot be imported: {error}") from error
