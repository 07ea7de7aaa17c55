"""Where the Web UI is said to be: where one answers, and not where something else listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from gnosari_temporal import Settings
from gnosari_temporal.cli.web_ui import web_ui_address
from gnosari_temporal.server import UI_PORT_OFFSET, EmbeddedServer, ServerOptions, free_port


def address_before(ui_port: int) -> Settings:
    """Settings with a server whose Web UI would be at this port."""
    return Settings(environ={"TEMPORAL_ADDRESS": f"127.0.0.1:{ui_port - UI_PORT_OFFSET}"})


class NotFound(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def other_web_server() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), NotFound) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_web_ui_is_found() -> None:
    with EmbeddedServer(ServerOptions(port=0, ui_port=free_port())) as server:
        assert server.ui_address is not None
        port = int(server.ui_address.rpartition(":")[2])
        assert web_ui_address(address_before(port)) == server.ui_address


def test_another_web_server_is_none(other_web_server: int) -> None:
    assert web_ui_address(address_before(other_web_server)) is None


def test_a_port_where_nobody_speaks_http_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert web_ui_address(address_before(silent.getsockname()[1])) is None


def test_a_closed_port_is_none() -> None:
    assert web_ui_address(address_before(free_port())) is None
