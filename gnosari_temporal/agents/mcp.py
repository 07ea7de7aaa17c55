"""MCP servers: their tools are listed and called on the worker, a connection for each call.

Addresses, commands, headers and environments are resolved here, so that no secret is in a history.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..consumers import BaseConsumer
from ..errors import McpServerFailed, ToolError
from ..messages import BaseMessage
from ..retry import RetrySpec
from ..routing import TOOL
from ..settings import Settings
from ..tools.expansion import Expansion
from ..tools.extras import needs_extra
from ..tools.spec import McpServerSpec

_CALL_LIMIT = timedelta(minutes=5)


class McpTool(BaseModel):
    """A tool of an MCP server."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class McpCallMessage(BaseMessage):
    """One call of a tool of an MCP server."""

    server: McpServerSpec
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    agent: str = ""

    def job_summary(self) -> str:
        """Tool and server."""
        return f"{self.tool} of {self.server.name}"

    def job_attributes(self) -> dict[str, str]:
        """The tool."""
        return {TOOL: self.tool}


class McpCallConsumer(BaseConsumer[McpCallMessage, dict[str, Any]]):
    """Calls a tool of an MCP server. A lost connection is retried; an error that the tool reports is its result."""

    retry = RetrySpec(
        maximum_attempts=3,
        initial_interval=timedelta(seconds=1),
        non_retryable=("ToolDefinitionError", "SettingsError"),
    )
    timeout = timedelta(minutes=10)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def process(self, message: McpCallMessage) -> dict[str, Any]:
        """``result`` and whether it is an ``error``."""
        async with _connected(message.server, self._settings.environ or None) as server:
            answer = await server.call_tool(message.tool, message.arguments)
        structured = getattr(answer, "structured_content", None) or getattr(answer, "structuredContent", None)
        failed = bool(getattr(answer, "is_error", None) or getattr(answer, "isError", None))
        texts = [_text_of(part) for part in answer.content]
        result: Any = "\n".join(texts) if texts else structured
        return {"result": result, "error": failed}


async def list_mcp_tools(spec: McpServerSpec, environ: Mapping[str, str] | None = None) -> list[McpTool]:
    """The tools of a server.

    Raises:
        ToolError: the Agents SDK is not installed.
        SettingsError: a variable is not set.
    """
    async with _connected(spec, environ) as server:
        tools = await server.list_tools()
    return [
        McpTool(
            name=tool.name,
            description=tool.description or "",
            parameters=dict(getattr(tool, "input_schema", None) or getattr(tool, "inputSchema", None) or {}),
        )
        for tool in tools
    ]


@asynccontextmanager
async def _connected(spec: McpServerSpec, environ: Mapping[str, str] | None) -> AsyncIterator[Any]:
    with needs_extra(f"MCP server {spec.name!r}", extra="agents"):
        from agents.mcp import MCPServerSse, MCPServerStdio, MCPServerStreamableHttp

    written = {"url": spec.url or "", "command": spec.command or "", "args": list(spec.args)}
    expansion = Expansion.of({**written, "env": dict(spec.env), "headers": dict(spec.headers)}, environ)
    given = expansion.args
    limit = (spec.client_session_timeout or _CALL_LIMIT).total_seconds()
    more: dict[str, Any] = {"name": spec.name, "client_session_timeout_seconds": limit}
    http: dict[str, Any] = {"url": given["url"], "headers": given["headers"]}
    if spec.timeout:
        http["timeout"] = spec.timeout.total_seconds()
    if spec.sse_read_timeout:
        http["sse_read_timeout"] = spec.sse_read_timeout.total_seconds()
    made: Any
    if spec.connection_type == "stdio":
        made = MCPServerStdio({name: given[name] for name in ("command", "args", "env")}, **more)  # type: ignore[arg-type]
    elif spec.connection_type == "sse":
        made = MCPServerSse(http, **more)  # type: ignore[arg-type]
    else:
        made = MCPServerStreamableHttp({**http, "terminate_on_close": spec.terminate_on_close}, **more)  # type: ignore[typeddict-item]
    try:
        await made.connect()
        yield made
    except Exception as error:  # noqa: BLE001  the library's own words may hold an address with a token in it
        text = expansion.veil_error(f"{type(error).__name__}: {error}")
        raise McpServerFailed(f"MCP server {spec.name!r}: {text}") from None
    finally:
        await made.cleanup()


def _text_of(part: Any) -> str:
    text = getattr(part, "text", None)
    if isinstance(text, str):
        return text
    if hasattr(part, "model_dump_json"):
        return str(part.model_dump_json(exclude_none=True))
    raise ToolError(f"an MCP server answered with {type(part).__name__}, which is no content")
