"""Free ports, found and checked with real sockets."""

import socket
from contextlib import closing

import pytest

from gnosari_temporal.server import free_port
from gnosari_temporal.server.ports import host_port, is_free, is_open, reachable


def test_a_free_port_can_be_listened_on_at_once() -> None:
    port = free_port()
    assert is_free("127.0.0.1", port)
    assert not is_open("127.0.0.1", port)


def test_two_free_ports_are_different() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50


def test_a_port_with_a_listener_is_open_and_not_free() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        assert is_open("127.0.0.1", port)
        assert not is_free("127.0.0.1", port)
        assert not is_free("0.0.0.0", port)
    assert is_free("127.0.0.1", port)


@pytest.mark.parametrize(
    ("ip", "port", "written"),
    [
        ("0.0.0.0", 7233, "127.0.0.1:7233"),
        ("::", 1, "[::1]:1"),
        ("localhost", 2, "127.0.0.1:2"),
        ("10.0.0.5", 3, "10.0.0.5:3"),
    ],
)
def test_a_server_is_reached_at_an_address_one_can_connect_to(ip: str, port: int, written: str) -> None:
    assert host_port(reachable(ip), port) == written
