"""Agents: team files, and the workflows that run them. A name is imported on its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .building import INBOX_TOOLS
    from .config import ModelPrice, OutstandingPolicy, TeamConfig
    from .loading import LoadedTeam, load_team, parse_team
    from .messages import AgentMessage, AgentResult
    from .signals import AgentRunView
    from .spec import AgentSpec, DelegationRule, HandoffRule, KnowledgeSpec
    from .team import TeamSpec
    from .usage import Budget, Usage
    from .workflow import AgentWorkflow

_HOME = {
    "AgentMessage": "messages",
    "AgentResult": "messages",
    "AgentRunView": "signals",
    "AgentSpec": "spec",
    "AgentWorkflow": "workflow",
    "Budget": "usage",
    "DelegationRule": "spec",
    "HandoffRule": "spec",
    "INBOX_TOOLS": "building",
    "KnowledgeSpec": "spec",
    "LoadedTeam": "loading",
    "ModelPrice": "config",
    "OutstandingPolicy": "config",
    "TeamConfig": "config",
    "TeamSpec": "team",
    "Usage": "usage",
    "load_team": "loading",
    "parse_team": "loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


__all__ = [
    "AgentMessage",
    "AgentResult",
    "AgentRunView",
    "AgentSpec",
    "AgentWorkflow",
    "Budget",
    "DelegationRule",
    "HandoffRule",
    "INBOX_TOOLS",
    "KnowledgeSpec",
    "LoadedTeam",
    "ModelPrice",
    "OutstandingPolicy",
    "TeamConfig",
    "TeamSpec",
    "Usage",
    "load_team",
    "parse_team",
]
