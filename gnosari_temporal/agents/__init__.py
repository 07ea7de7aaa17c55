"""Agents: team files, and the workflows that run them."""

from .building import INBOX_TOOLS
from .config import ModelPrice, OutstandingPolicy, TeamConfig
from .loading import LoadedTeam, load_team, parse_team
from .spec import AgentSpec, DelegationRule, HandoffRule, KnowledgeSpec
from .team import TeamSpec

__all__ = [
    "INBOX_TOOLS",
    "AgentSpec",
    "DelegationRule",
    "HandoffRule",
    "KnowledgeSpec",
    "LoadedTeam",
    "ModelPrice",
    "OutstandingPolicy",
    "TeamConfig",
    "TeamSpec",
    "load_team",
    "parse_team",
]
