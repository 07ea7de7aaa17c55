"""The tool spec: one tool or MCP server of a team, as it travels in messages and workflow inputs.

``args``, ``headers``, ``env``, ``url`` and ``command`` keep ``${VAR}`` as written: they are resolved on the worker,
at the moment of use, so that no secret is in a workflow's history.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..durations import PositiveDuration
from ..messages import DEFAULT_PRIORITY, HIGHEST_PRIORITY, LOWEST_PRIORITY
from ..retry import RetrySpec
from ..routing import tool_queue
from .modules import BUILTIN

Mode = Literal["sync", "async"]
ConnectionType = Literal["streamable_http", "sse", "stdio"]

DELEGATION_TOOL = "delegate_agent"
KNOWLEDGE_TOOL = "knowledge_query"

_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DELEGATION_CLASS = BUILTIN[DELEGATION_TOOL][1]
_DELEGATION_MODULE = re.compile(
    rf"gnosari\.tools\.(builtin\.)?(delegation|delegate_agent)|{re.escape(BUILTIN[DELEGATION_TOOL][0])}"
)
_KNOWLEDGE_CLASS = BUILTIN[KNOWLEDGE_TOOL][1]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ApprovalSpec(_Spec):
    """A person has to agree before the call is made."""

    timeout: PositiveDuration | None = None
    """How long to wait for an answer; None: without end."""
    on_timeout: Literal["reject", "approve", "fail"] = "reject"
    """What happens then: the call is rejected, made all the same, or the run fails."""


class ToolSpec(_Spec):
    """One tool of a team: what it is, how it is made and how it runs."""

    name: str
    id: str | None = None
    description: str | None = None
    """For the model; None: what the tool says of itself."""
    module: str
    class_name: str = Field(alias="class")
    args: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the tool's constructor, ``${VAR}`` unresolved."""
    mode: Mode | None = None
    """None: not written, so the tool is sync unless the caller chooses otherwise for a call."""
    priority: int = Field(default=DEFAULT_PRIORITY, ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)
    priority_written: bool = False
    """Whether the file has the priority; else a caller's own priority passes down to the call."""
    queue_name: str | None = None
    """Queue of async calls; None: the default queue."""
    timeout: PositiveDuration | None = None
    """Limit of one attempt."""
    retry: RetrySpec | None = None
    rate_limit: float | None = Field(default=None, gt=0)
    """Calls per minute."""
    approval: ApprovalSpec | None = None

    @property
    def function_name(self) -> str:
        """What a model sees as the tool's name; unique in a team."""
        return function_name_of(self.id or self.name)

    @property
    def is_delegation(self) -> bool:
        """Whether a call of the tool is a run of another agent."""
        return self.class_name == _DELEGATION_CLASS and bool(_DELEGATION_MODULE.fullmatch(self.module))

    @property
    def is_knowledge(self) -> bool:
        """Whether the tool searches the team's knowledge."""
        return self.class_name == _KNOWLEDGE_CLASS

    def queue_on(self, queue: str) -> str:
        """The queue of the tool's calls where ``queue`` is that of its team: its own if its rate is limited.

        A delegation is not limited: what it starts is a run of many steps, which would all be.
        """
        return queue if self.rate_limit is None or self.is_delegation else tool_queue(queue, self.function_name)

    @classmethod
    def builtin(cls, name: str) -> ToolSpec:
        """The builtin tool of this name with its defaults.

        Raises:
            KeyError: there is none.
        """
        module, class_name = BUILTIN[name]
        return cls(name=name, module=module, class_name=class_name)


class McpServerSpec(_Spec):
    """One MCP server whose tools an agent gets."""

    name: str
    id: str | None = None
    description: str | None = None
    connection_type: ConnectionType
    url: str | None = None
    """Address of a ``streamable_http`` or ``sse`` server, ``${VAR}`` unresolved."""
    command: str | None = None
    """Program of a ``stdio`` server, ``${VAR}`` unresolved."""
    args: tuple[str, ...] = ()
    """Arguments of ``command``, ``${VAR}`` unresolved."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment of ``command``, ``${VAR}`` unresolved."""
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP headers, ``${VAR}`` unresolved."""
    timeout: PositiveDuration | None = None
    """Limit of one HTTP request."""
    sse_read_timeout: PositiveDuration | None = None
    client_session_timeout: PositiveDuration | None = None
    """Limit of one call of a tool."""
    terminate_on_close: bool = True

    @property
    def key(self) -> str:
        """The server's name for agents; unique among the tools and servers of a team."""
        return function_name_of(self.id or self.name)


def function_name_of(name: str) -> str:
    """A name as a function name of a model: itself if it is one already, else as a slug (``File Manager`` is
    ``file_manager``). Empty if no letter or digit is left.
    """
    if _FUNCTION_NAME.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:64].rstrip("_")
    return f"_{slug[:63]}" if slug[:1].isdigit() else slug
