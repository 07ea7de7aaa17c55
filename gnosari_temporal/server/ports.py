"""Ports: is one free, and which one is."""

from __future__ import annotations

import contextlib
import socket
import sys


def free_port(ip: str = "127.0.0.1") -> int:
    """A TCP port of the address that nobody listens on now.

    On Linux the port is left in TIME_WAIT: for a minute the system hands it to nobody who asks for any port,
    while a server that asks for it by number gets it.
    """
    with _listening(ip, 0) as listener:
        address = listener.getsockname()
        if sys.platform == "linux":
            with socket.create_connection((reachable(ip), address[1]), timeout=5):
                accepted, _ = listener.accept()
                accepted.close()  # the side that closes first is the one that waits
        return int(address[1])


def is_free(ip: str, port: int) -> bool:
    """Whether a server could listen on the port."""
    try:
        _listening(ip, port).close()
    except OSError:
        return False
    return True


def is_open(ip: str, port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection((reachable(ip), port), timeout=1):
        return True
    return False


def reachable(ip: str) -> str:
    """The address by which this machine reaches a server bound to ``ip``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(ip, ip)


def bind_address(ip: str) -> str:
    """The address as a number: the server knows no names."""
    return "127.0.0.1" if ip == "localhost" else ip


def host_port(ip: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _listening(ip: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ip, port))
        listener.listen(1)
    except BaseException:
        listener.close()
        raise
    return listener
