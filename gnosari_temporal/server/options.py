"""What an embedded server is asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from ..durations import format_duration
from ..errors import SettingsError
from ..routing import SEARCH_ATTRIBUTES
from .tuning import SQLITE_PRAGMAS, dynamic_config

DEFAULT_PORT = 7233
UI_PORT_OFFSET = 1000
LOG_LEVELS = ("debug", "info", "warn", "error", "never")
_SHORTEST_RETENTION = timedelta(hours=1)
_TYPES = ("Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList")


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Options of an embedded server.

    Raises:
        SettingsError: a value cannot work.
    """

    ip: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` is every network, without any protection."""
    port: int | None = DEFAULT_PORT
    """Port for clients and workers (gRPC); 0 or None: a free one."""
    ui_port: int | None = None
    """Port of the Web UI; None: ``port`` + 1000, or a free one where ``port`` is; 0: a free one."""
    db: Path | None = None
    """Database file, made if it is missing; None: everything is forgotten when the server stops."""
    retention: timedelta | None = timedelta(days=7)
    """How long a new database file keeps jobs that are over, their ids included, an hour at least; None: the server's
    own one day, which holds without a file."""
    headless: bool = False
    """Without the Web UI."""
    namespace: str = "default"
    """Namespace to have, beside ``default``, which is always there."""
    log_level: str = "warn"
    """How much the server logs: debug, info, warn, error or never."""
    log_file: Path | None = None
    """File that the server's log is appended to; its last lines are kept in memory in any case."""
    search_attributes: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(SEARCH_ATTRIBUTES, "Keyword"))
    """Search attributes to have, name to type; those of the engine by default."""
    dynamic_config: Mapping[str, int | bool | float | str] = field(default_factory=dynamic_config)
    """Dynamic configuration of the server; the engine's tuning by default, ``{}`` is the stock server.
    ``dynamic_config(strict_order=True)`` is for workers with strict order."""
    sqlite_pragmas: Mapping[str, str] = field(default_factory=lambda: dict(SQLITE_PRAGMAS))
    """Pragmas of the database file."""
    start_timeout: timedelta = timedelta(seconds=30)
    """How long to wait until the server answers."""
    stop_timeout: timedelta | None = None
    """How long the server may take to stop before it is killed; None: 10 s, and at once without a database file,
    since then it has nothing to save."""

    def __post_init__(self) -> None:
        """Check every value."""
        if self.ip != "localhost":
            try:
                ip_address(self.ip)
            except ValueError:
                raise SettingsError(f"the server's address {self.ip!r} is not an IP address, as 127.0.0.1 is") from None
        for name, port in (("port", self.port), ("UI port", self.ui_port)):
            if port is not None and not 0 <= port <= 65535:
                raise SettingsError(f"{name} {port} is not between 1 and 65535 (0: a free one)")
        if self.port and self.port == self.ui_port:
            raise SettingsError(f"port and UI port are both {self.port}: choose another with --ui-port")
        if self.log_level not in LOG_LEVELS:
            raise SettingsError(f"server log level {self.log_level!r} is not one of {', '.join(LOG_LEVELS)}")
        if self.retention is not None and self.retention < _SHORTEST_RETENTION:
            raise SettingsError(f"retention is {format_duration(self.retention)}, the shortest is 1h")
        if not self.namespace:
            raise SettingsError("the namespace is empty: name one, or leave it out for 'default'")
        for name, kind in self.search_attributes.items():
            if kind not in _TYPES:
                raise SettingsError(
                    f"search attribute {name} has type {kind!r}, which is not one of {', '.join(_TYPES)}"
                )

    @property
    def grace(self) -> float:
        """Seconds between SIGTERM and SIGKILL."""
        if self.stop_timeout is not None:
            return self.stop_timeout.total_seconds()
        return 10.0 if self.db else 0.0

    @property
    def wanted_ui_port(self) -> int:
        """The Web UI's port; 0 is a free one."""
        if self.ui_port is not None:
            return self.ui_port
        port = (self.port or 0) + UI_PORT_OFFSET
        return port if self.port and port <= 65535 else 0
