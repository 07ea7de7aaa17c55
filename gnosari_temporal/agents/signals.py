"""The signals and queries of an agent's run, by name, and what they carry."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from .state import Item, Task
from .usage import Usage

AGENT_TYPE = "AgentMessage"
"""Workflow type of an agent's run."""

STEER_SIGNAL = "gnosari_steer"
"""A text of a person for the agent's next turn."""
TASK_ENDED_SIGNAL = "gnosari_task_ended"
"""``TaskEnd``: how a delegated run ended."""
USED_SIGNAL = "gnosari_used"
"""``Used``: what a delegated run has used so far."""
SESSION_SIGNAL = "gnosari_session"
"""``SessionGrant``: the session is this run's now."""
RUN_QUERY = "gnosari_agent_run"
"""Gives an ``AgentRunView``."""


class Used(BaseModel):
    """What a delegated run has used so far."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    usage: Usage


class SessionGrant(BaseModel):
    """The conversation of a session that a run may go on with."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]


class AgentRunView(BaseModel):
    """Where a run stands; the answer of the query."""

    agent: str
    turns: int
    usage: Usage
    total: Usage
    """With delegations, as far as they have reported."""
    answer: str
    tasks: list[Task]
    until: datetime | None = None
    """When the run is stopped."""
