"""The agent message: one run of an agent of a team, and what comes of it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from ..messages import SUMMARY_LENGTH, BaseMessage, shorten
from ..retry import RetrySpec
from ..routing import AGENT, SESSION, TEAM
from .state import RunState
from .team import TeamSpec
from .usage import Budget, Usage

HISTORY_LIMIT = 4096
"""Events of a run after which it continues as new."""


class Delegator(BaseModel):
    """The run that delegated: who is told how this one ends."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    agent: str


class AgentMessage(BaseMessage):
    """A message to an agent of a team: its run is a workflow, its model calls and tools are activities."""

    team: TeamSpec
    message: str
    agent: str | None = None
    """Name, id or key of the agent; None: the team's own choice."""
    session_id: str | None = None
    """The conversation that the run goes on with, and that it is kept in."""
    stream: bool = False
    """Report text while a model makes it."""
    delegator: Delegator | None = None
    depth: int = Field(default=0, ge=0)
    """Delegations above this run."""
    budget: Budget | None = None
    """What is left of the budget of the run that delegated; None: the team's."""
    deadline: datetime | None = None
    """When the run is stopped; None: after the team's timeout."""
    retry: RetrySpec | None = None
    """Attempts of the whole run."""
    history_limit: int = Field(default=HISTORY_LIMIT, ge=20)
    """Events after which the run continues as new, between two turns."""
    state: RunState | None = None
    """Where a run that continues as new goes on."""
    attempt: int = Field(default=1, ge=1)
    """The attempt that a run which continues as new is in."""

    @property
    def starts_with(self) -> str:
        """Name of the agent that starts.

        Raises:
            TeamError: there is no such agent, or the team's choice is open.
        """
        return self.team.agent(self.agent).name if self.agent else self.team.start_agent.name

    def job_summary(self) -> str:
        """The agent and what it is told."""
        name = self.agent or self.team.start or self.team.name
        return shorten(f"{name}: {self.message}", SUMMARY_LENGTH)

    def job_attributes(self) -> dict[str, str]:
        """Team, agent and session."""
        return {
            TEAM: self.team.name,
            AGENT: self.agent or self.team.start or "",
            SESSION: self.session_id or "",
        }


class OutstandingTask(BaseModel):
    """A task that went on when its agent ended."""

    model_config = ConfigDict(frozen=True)

    ticket: str
    name: str
    job_id: str


class AgentResult(BaseModel):
    """What a run of an agent gave."""

    model_config = ConfigDict(frozen=True)

    answer: str
    agent: str
    """Who answered: another one than was asked after a handoff."""
    turns: int
    """Model calls of the run."""
    usage: Usage
    """What the run used itself."""
    total: Usage
    """What it used with its delegations, as far as they had ended."""
    outstanding: tuple[OutstandingTask, ...] = ()
    """Tasks that were not waited for."""
    session_id: str | None = None
