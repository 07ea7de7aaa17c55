"""What a running tool can know: the call it serves, who called, and what the worker allows it.

The engine enters ``tool_scope(...)`` around a call; tools read ``current_call()``, ``current_context()`` and
``current_grants()``. Tools of the function kind are handed the same ``ToolContext`` as their first argument.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool. Every attempt of a call has the same ``task_id`` and ``idempotency_key``."""

    task_id: str
    idempotency_key: str
    """Same on every attempt: hand it to whatever must happen once."""
    attempt: int = 1
    """1 for the first attempt."""
    agent_id: str | None = None
    session_id: str | None = None
    tool_name: str = ""


@dataclass(frozen=True)
class ToolGrants:
    """What the worker's settings let tools do beyond what their own ``args`` allow."""

    allowed_hosts: tuple[str, ...] = ()
    """Hosts or networks of this machine or a private network that HTTP tools may reach all the same
    (``localhost:8080``, ``10.1.0.0/16``)."""


@dataclass
class TeamContext:
    """The team's side of a call: Gnosari tools read it as ``ctx.context``."""

    original_config: dict[str, Any] | None = None
    """The team file as a plain mapping."""
    session_id: str | None = None
    session_context: dict[str, Any] = field(default_factory=dict)
    team: Any = None
    """Always None: a live team cannot be sent. It is here because Gnosari tools look for it."""


@dataclass
class ToolContext:
    """What a tool of the function kind is given as ``ctx``, in place of the SDK's ``RunContextWrapper``."""

    context: TeamContext = field(default_factory=TeamContext)
    agent_id: str | None = None
    session_id: str | None = None
    tool_name: str = ""

    @classmethod
    def from_data(
        cls,
        context_data: Mapping[str, Any] | None = None,
        *,
        agent_id: str | None = None,
        session_id: str | None = None,
        tool_name: str = "",
    ) -> ToolContext:
        """Build the context from a message's ``context_data``.

        Two shapes are read: Gnosari's ``{"context_wrapper": {"context": {...}, "agent_id", "session_id"}}``
        and the same keys without the wrapping. ``agent_id`` and ``session_id`` fill what is missing.
        """
        data = dict(context_data or {})
        wrapper = data.get("context_wrapper")
        outer: Mapping[str, Any] = wrapper if isinstance(wrapper, Mapping) else data
        inner = outer.get("context")
        fields: Mapping[str, Any] = inner if isinstance(inner, Mapping) else outer
        session = fields.get("session_id") or outer.get("session_id") or session_id
        context = TeamContext(
            original_config=fields.get("original_config"),
            session_id=session,
            session_context=dict(fields.get("session_context") or {}),
        )
        return cls(
            context=context,
            agent_id=outer.get("agent_id") or agent_id,
            session_id=outer.get("session_id") or session,
            tool_name=tool_name,
        )


def context_data_of(ctx: Any) -> dict[str, Any]:
    """The ``context_data`` of a message, in Gnosari's shape, from a context that a tool was given.

    ``ctx`` is a ``ToolContext`` or an Agents SDK wrapper; a context without the team's fields gives nulls.
    """
    inner = getattr(ctx, "context", None)
    session_id = getattr(inner, "session_id", None)
    return {
        "context_wrapper": {
            "context": {
                "original_config": getattr(inner, "original_config", None),
                "team": None,
                "session_id": session_id,
                "session_context": dict(getattr(inner, "session_context", None) or {}),
            },
            "agent_id": getattr(ctx, "agent_id", None),
            "session_id": getattr(ctx, "session_id", None) or session_id,
        }
    }


_call: ContextVar[ToolCall | None] = ContextVar("gnosari_tool_call", default=None)
_context: ContextVar[Any] = ContextVar("gnosari_tool_context", default=None)
_grants: ContextVar[ToolGrants | None] = ContextVar("gnosari_tool_grants", default=None)


def current_call() -> ToolCall | None:
    """The call that the running tool serves; None outside the engine (in a unit test of a tool, say)."""
    return _call.get()


def current_context() -> ToolContext:
    """The context of the running call; an empty one outside the engine.

    Under the Agents SDK it is the SDK's own wrapper, which has the same attributes.
    """
    found = _context.get()
    return ToolContext() if found is None else found


def current_grants() -> ToolGrants:
    """What the worker allows tools; nothing outside the engine."""
    return _grants.get() or ToolGrants()


@contextmanager
def tool_scope(call: ToolCall | None = None, context: Any = None, grants: ToolGrants | None = None) -> Iterator[None]:
    """Make ``call``, ``context`` and ``grants`` the current ones; what is None stays as it is."""
    before = (_call.get(), _context.get(), _grants.get())
    _call.set(call or before[0])
    _context.set(before[1] if context is None else context)
    _grants.set(grants or before[2])
    try:
        yield
    finally:
        _call.set(before[0])
        _context.set(before[1])
        _grants.set(before[2])
