"""A real HTTP server on loopback, and a canary that counts who connects to it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the server's routes; without a route it echoes the request as JSON."""

    protocol_version = "HTTP/1.1"
    server: WebServer

    def do(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.body = self.rfile.read(length)
        self.server.requests.append(self)
        route = self.server.routes.get(urlsplit(self.path).path)
        if route is not None:
            route(self)
            return
        self.reply(
            200,
            {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": self.body.decode(),
            },
        )

    def reply(self, status: int, content: Any = b"", headers: dict[str, str] | None = None) -> None:
        """Send an answer; what is no bytes goes as JSON."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(Handler, f"do_{_method}", Handler.do)


class WebServer(ThreadingHTTPServer):
    """A server on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Answer] = {}
        self.requests: list[Any] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def redirect(self, path: str, target: str, status: int = 302) -> None:
        self.routes[path] = lambda handler: handler.reply(status, b"", {"Location": target})


class Canary:
    """Listens on one port of every address of this machine and counts connections."""

    def __init__(self) -> None:
        self.connections = 0
        self._listeners = [socket.socket(socket.AF_INET, socket.SOCK_STREAM)]
        self._listeners[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listeners[0].bind(("0.0.0.0", 0))
        self.port = int(self._listeners[0].getsockname()[1])
        if socket.has_ipv6:
            six = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            try:
                six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                six.bind(("::", self.port))
                self._listeners.append(six)
            except OSError:
                six.close()
        for listener in self._listeners:
            listener.listen(50)
            threading.Thread(target=self._count, args=(listener,), daemon=True).start()

    def _count(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ncaught")

    def close(self) -> None:
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
