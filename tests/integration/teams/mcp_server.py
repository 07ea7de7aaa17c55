"""An MCP server for tests, on standard input and output or over HTTP: ``python mcp_server.py [PORT]``."""

from __future__ import annotations

import os
import sys

from mcp.server import MCPServer

server = MCPServer("figures")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def secret() -> str:
    """The secret that the server was started with."""
    return f"length {len(os.environ.get('SECRET', ''))}"


@server.tool()
def fail() -> str:
    """Always fails."""
    raise ValueError("it cannot be done")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
