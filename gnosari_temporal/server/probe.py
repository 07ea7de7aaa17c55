"""Questions to a server that has just started, over its HTTP interface, which needs no Temporal client."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any
from urllib.parse import quote

from .binary import Version, parse_version

_UNKNOWN_WORKFLOW = "gnosari-is-the-server-ready"


class Probe:
    """Asks one server."""

    def __init__(self, ip: str, port: int, namespace: str) -> None:
        self._ip = ip
        self._port = port
        self._namespace = f"/api/v1/namespaces/{quote(namespace, safe='')}"

    def is_ready(self) -> bool:
        """Whether the namespace is there and its workflows can be read."""
        status, _ = self._get(self._namespace)
        if status != 200:
            return False
        # Frontend and namespace answer first; only the history service knows that there is no such workflow.
        status, _ = self._get(f"{self._namespace}/workflows/{_UNKNOWN_WORKFLOW}")
        return status == 404

    def search_attributes(self) -> dict[str, str]:
        """The namespace's own search attributes, name to type as the server writes it."""
        _, answer = self._get(f"{self._namespace}/search-attributes")
        return dict(answer.get("customAttributes", {}))

    def version(self) -> Version | None:
        """The server's version."""
        _, answer = self._get("/api/v1/system-info")
        return parse_version(str(answer.get("serverVersion", "")))

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(self._ip, self._port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return 0, {}
        finally:
            connection.close()
        answer = None
        with contextlib.suppress(ValueError):
            answer = json.loads(body)
        return response.status, answer if isinstance(answer, dict) else {}
