"""Where the Temporal Web UI is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import Settings

_LOCAL = ("127.0.0.1", "localhost", "[::1]")


def web_ui_address(settings: Settings) -> str | None:
    """The Web UI's address: the one that is set, else that of a local server at its usual distance from the server's
    port, if it is there; None: only the server's operators know."""
    from ..server import UI_PORT_OFFSET
    from ..server.ports import is_open

    if settings.ui_address:
        return settings.ui_address
    host, _, port = settings.address.rpartition(":")
    if host not in _LOCAL or not is_open(host.strip("[]"), int(port) + UI_PORT_OFFSET):
        return None
    return f"http://{host}:{int(port) + UI_PORT_OFFSET}"
