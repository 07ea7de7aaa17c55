"""The embedded Temporal server."""

from __future__ import annotations

from .embedded import EmbeddedServer
from .options import DEFAULT_PORT, LOG_LEVELS, UI_PORT_OFFSET, ServerOptions
from .ports import free_port
from .tuning import dynamic_config

__all__ = [
    "DEFAULT_PORT",
    "LOG_LEVELS",
    "UI_PORT_OFFSET",
    "EmbeddedServer",
    "ServerOptions",
    "dynamic_config",
    "free_port",
]
