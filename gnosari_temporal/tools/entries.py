"""Tools as a team file writes them: every spelling that Gnosari has, made into one spec."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from ..durations import PositiveDuration
from ..messages import DEFAULT_PRIORITY
from ..retry import RetrySpec
from ..yamldoc import Location, LooseText, Name, Number, Problems, Section, choices, did_you_mean, shown
from .modules import BUILTIN
from .run_entries import ErrorHandlingEntry, RetryConfigEntry, Runs, simple_retry
from .spec import ConnectionType, McpServerSpec, ToolSpec, function_name_of

_IN_ONE_PROCESS = frozenset({BUILTIN["interactive_bash_operations"][1]})


def _dotted(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", value):
        raise PydanticCustomError("module", "must be the path of a Python module, as in package.module")
    return value


def _identifier(value: str) -> str:
    if not value.isidentifier():
        raise PydanticCustomError("class", "must be the name of a Python class")
    return value


class ToolEntry(Runs):
    """One tool of the team."""

    name: Name
    """What agents call it in their tools; the name of a builtin tool needs no module and class."""
    id: Name | None = None
    """Another name for agents, and what a model sees as the tool's name (else the name as a slug)."""
    description: str | None = None
    """What the tool does, for the model."""
    module: Annotated[Name, AfterValidator(_dotted)] | None = None
    """Python module of the tool."""
    class_name: Annotated[Name, AfterValidator(_identifier)] | None = Field(default=None, alias="class")
    """Class of the tool in the module."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the class. ${VAR} is resolved on the worker, at use."""
    retry_config: RetryConfigEntry | None = None
    error_handling: ErrorHandlingEntry | None = None
    rate_limit: Annotated[Number, Field(gt=0)] | None = None
    """Calls per minute."""

    def spec(self, location: Location, problems: Problems, warnings: Problems) -> ToolSpec | None:
        """The tool; None, with problems noted, if what is written does not fit together."""
        found = self._module_and_class(location, problems)
        function_name = function_name_of(self.id or self.name)
        if not function_name:
            key = "id" if self.id else "name"
            problems.add((*location, key), f"{shown(self.id or self.name)} has no Latin letter or digit: write an id")
        if self.mode == "async" and self.class_name in _IN_ONE_PROCESS:
            problems.add((*location, "mode"), f"{self.class_name} keeps a process open and cannot be async")
        if self.error_handling and self.error_handling.dead_letter_queue:
            warnings.add(
                (*location, "error_handling", "dead_letter_queue"),
                "has no effect yet: failed jobs stay in Temporal, see 'gnosari job list --status failed'",
            )
        queue, retry = self.queue_spec(location, problems), self.retry_spec(location, problems)
        if found is None or not function_name:
            return None
        return ToolSpec(
            name=self.name,
            id=self.id,
            description=self.description,
            module=found[0],
            class_name=found[1],
            args=self.args,
            mode=self.mode,
            priority=self.priority or DEFAULT_PRIORITY,
            priority_written=self.priority is not None,
            queue_name=queue,
            timeout=self.timeout,
            retry=retry,
            rate_limit=self.rate_limit,
            approval=self.approval_spec(),
        )

    def retry_spec(self, location: Location, problems: Problems) -> RetrySpec | None:
        """The retry policy, from any of its three spellings."""
        written = [key for key in ("retry", "retry_config", "error_handling") if getattr(self, key) is not None]
        for key in written[1:]:
            problems.add((*location, key), f"the retry policy is written as {written[0]!r} too; keep one of them")
        if self.retry_config:
            return simple_retry(
                self.retry_config.max_retries,
                self.retry_config.retry_delay,
                grows=self.retry_config.exponential_backoff,
            )
        if self.error_handling:
            return simple_retry(self.error_handling.max_retries, self.error_handling.retry_delay, grows=None)
        return super().retry_spec(location, problems)

    def _module_and_class(self, location: Location, problems: Problems) -> tuple[str, str] | None:
        if self.module and self.class_name:
            return self.module, self.class_name
        if self.module or self.class_name:
            here, other = ("module", "class") if self.module else ("class", "module")
            problems.add((*location, here), f"needs {other!r} beside it")
            return None
        for name in (self.name, self.id, function_name_of(self.name)):
            if name in BUILTIN:
                return BUILTIN[name]
        hint = did_you_mean(function_name_of(self.name), BUILTIN) or f" ({', '.join(sorted(BUILTIN))})"
        problems.add(location, f"needs 'module' and 'class': {shown(self.name)} is no builtin tool{hint}")
        return None


class McpEntry(Section):
    """One MCP server: url for a server that runs elsewhere, command for a program that is started."""

    name: Name
    """What agents call it in their tools or mcp_servers."""
    id: Name | None = None
    """Another name for agents."""
    description: str | None = None
    """What the server is for."""
    connection_type: ConnectionType | None = None
    """By default streamable_http for a url and stdio for a command."""
    url: str | None = None
    """Address of the server. ${VAR} is resolved on the worker, at use."""
    command: str | None = None
    """Program to start. ${VAR} is resolved on the worker, at use."""
    args: list[LooseText] = Field(default_factory=list)
    """Arguments of the program. ${VAR} is resolved on the worker, at use."""
    env: dict[str, LooseText] = Field(default_factory=dict)
    """Environment of the program. ${VAR} is resolved on the worker, at use."""
    headers: dict[str, LooseText] = Field(default_factory=dict)
    """HTTP headers. ${VAR} is resolved on the worker, at use."""
    timeout: PositiveDuration | None = None
    """Limit of one HTTP request."""
    sse_read_timeout: PositiveDuration | None = None
    """How long an open stream may be silent."""
    client_session_timeout_seconds: PositiveDuration | None = None
    """Limit of one call of a tool."""
    terminate_on_close: bool = True
    """Whether the session is ended on the server when it is closed."""

    def spec(self, location: Location, problems: Problems) -> McpServerSpec | None:
        """The server; None, with problems noted, if what is written does not fit together."""
        kind = self.connection_type or ("stdio" if self.command else "streamable_http")
        before = len(problems.lines())
        needed, foreign = (
            ("command", {"url": self.url, "headers": self.headers})
            if kind == "stdio"
            else ("url", {"command": self.command, "args": self.args, "env": self.env})
        )
        if not getattr(self, needed):
            written = f" of connection_type {kind!r}" if self.connection_type else ""
            wanted = choices(["url", "command"]) if not self.connection_type else repr(needed)
            problems.add(location, f"an MCP server{written} needs {wanted}")
        for key, value in foreign.items():
            if value:
                problems.add((*location, key), f"means nothing to a server of connection_type {kind!r}")
        if not function_name_of(self.id or self.name):
            problems.add((*location, "name"), f"{shown(self.name)} has no Latin letter or digit: write an id")
        if len(problems.lines()) > before:
            return None
        return McpServerSpec(
            name=self.name,
            id=self.id,
            description=self.description,
            connection_type=kind,
            url=self.url,
            command=self.command,
            args=tuple(self.args),
            env=self.env,
            headers=self.headers,
            timeout=self.timeout,
            sse_read_timeout=self.sse_read_timeout,
            client_session_timeout=self.client_session_timeout_seconds,
            terminate_on_close=self.terminate_on_close,
        )


def _kind_of_tool(value: Any) -> str:
    if isinstance(value, McpEntry):
        return "MCP server"
    is_server = isinstance(value, dict) and not {"url", "command", "connection_type"}.isdisjoint(value)
    return "MCP server" if is_server else "tool"


AnyTool = Annotated[
    Annotated[ToolEntry, Tag("tool")] | Annotated[McpEntry, Tag("MCP server")], Discriminator(_kind_of_tool)
]
"""An item of ``tools``: an MCP server if it has a url, command or connection_type, else a tool."""
