"""The toolbox: what an agent's tools look like to a model, found out on the worker."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..consumers import BaseConsumer
from ..errors import GnosariError
from ..messages import BaseMessage
from ..retry import RetrySpec
from ..settings import Settings
from ..tools import AllowedTools, async_refusal_of, input_schema_of, load_tool
from ..tools.expansion import Expansion
from ..tools.job_options import async_defaults_of
from ..tools.spec import McpServerSpec, ToolSpec, function_name_of
from .mcp import list_mcp_tools


class AgentToolsMessage(BaseMessage):
    """Which tools and MCP servers are to be looked at."""

    agent: str
    tools: list[ToolSpec] = Field(default_factory=list)
    mcp_servers: list[McpServerSpec] = Field(default_factory=list)

    def job_summary(self) -> str:
        """Whose tools."""
        return f"tools of {self.agent}"


class AgentTool(BaseModel):
    """One tool of an agent."""

    model_config = ConfigDict(frozen=True)

    name: str
    """What the model calls; unique among the agent's tools."""
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    kind: Literal["tool", "mcp"]
    source: str
    """Function name of the tool's spec, or key of the MCP server."""
    remote_name: str = ""
    """Name of the tool on the MCP server."""
    async_refusal: str | None = None
    """Why it cannot run in async mode."""
    async_defaults: dict[str, Any] = Field(default_factory=dict)
    """How it says that its jobs run in async mode, where the team file does not."""


class AgentToolsConsumer(BaseConsumer[AgentToolsMessage, list[AgentTool]]):
    """Makes every tool once, and asks every MCP server, for names, descriptions and schemas."""

    retry = RetrySpec(
        maximum_attempts=4,
        initial_interval=timedelta(seconds=1),
        non_retryable=("ToolDefinitionError", "ToolNotAllowed", "SettingsError"),
    )
    timeout = timedelta(minutes=2)

    def __init__(self, settings: Settings, allowed_tools: AllowedTools) -> None:
        self._settings = settings
        self._allowed = allowed_tools

    async def process(self, message: AgentToolsMessage) -> list[AgentTool]:
        """The tools; those of MCP servers last, with the server's name before theirs where two are called the same."""
        found = [await asyncio.to_thread(self._look_at, tool) for tool in message.tools]
        taken = {tool.name for tool in found}
        environ = self._settings.environ or None
        listed = await asyncio.gather(*(list_mcp_tools(server, environ) for server in message.mcp_servers))
        for server, tools in zip(message.mcp_servers, listed, strict=True):
            for tool in tools:
                name = function_name_of(tool.name) or server.key
                if name in taken:
                    name = function_name_of(f"{server.key}_{name}"[:64])
                taken.add(name)
                found.append(
                    AgentTool(
                        name=name,
                        description=tool.description,
                        parameters=tool.parameters,
                        kind="mcp",
                        source=server.key,
                        remote_name=tool.name,
                    )
                )
        return found

    def _look_at(self, spec: ToolSpec) -> AgentTool:
        expansion = Expansion.of(spec.args, self._settings.environ or None)
        try:
            tool = load_tool(spec.module, spec.class_name, expansion.args, allowed=self._allowed)
        except GnosariError as error:
            raise type(error)(expansion.veil_error(str(error))) from None
        return AgentTool(
            name=spec.function_name,
            description=spec.description or str(getattr(tool, "description", "") or ""),
            parameters=input_schema_of(tool),
            kind="tool",
            source=spec.function_name,
            async_refusal=async_refusal_of(tool),
            async_defaults=async_defaults_of(tool),
        )
