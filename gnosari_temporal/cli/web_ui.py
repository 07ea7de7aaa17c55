"""Where the Temporal Web UI is."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import Settings

_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_ANSWERS_WITHIN = 1.0
"""Seconds; it is on this machine."""


def web_ui_address(settings: Settings) -> str | None:
    """The Web UI's address: the one that is set, else that of a local server at its usual distance from the server's
    port, if a Web UI answers there; None: only the server's operators know."""
    from ..server import UI_PORT_OFFSET

    if settings.ui_address:
        return settings.ui_address
    host, _, port = settings.address.rpartition(":")
    if host not in _LOCAL or not _is_web_ui(host.strip("[]"), int(port) + UI_PORT_OFFSET):
        return None
    return f"http://{host}:{int(port) + UI_PORT_OFFSET}"


def _is_web_ui(host: str, port: int) -> bool:
    """Whether Temporal's Web UI answers, and not whatever else may listen on the port."""
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWERS_WITHIN)
    try:
        connection.request("GET", "/api/v1/settings")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(answer, dict) and "DefaultNamespace" in answer
