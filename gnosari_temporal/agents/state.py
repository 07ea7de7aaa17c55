"""The state of an agent's run: all that a run needs to go on, and all that crosses continue-as-new."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .usage import Usage

Item = dict[str, Any]
"""One item of a conversation, in the form of OpenAI's Responses API."""


class TaskState(StrEnum):
    """Where a task stands that an agent sent off."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskEnd(BaseModel):
    """How a task ended; what a child tells its parent."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    state: TaskState
    result: Any = None
    error: str = ""
    usage: Usage = Usage()


class Task(BaseModel):
    """Something that an agent sent off: a tool's job or another agent's run. Its ``ticket`` is what the model has."""

    ticket: str
    kind: Literal["tool", "agent"]
    name: str
    """The tool's function name or the agent's name."""
    job_id: str
    state: TaskState = TaskState.RUNNING
    result: str | None = None
    """As the model is shown it: cut if it is very long."""
    error: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    delivered: bool = False
    """Whether the model has seen how it ended."""

    @property
    def running(self) -> bool:
        """Whether it is outstanding."""
        return self.state is TaskState.RUNNING


class RunState(BaseModel):
    """Conversation, counters and open tasks of one run of an agent."""

    agent: str
    """Name of the agent whose turn it is; another one after a handoff."""
    items: list[Item] = Field(default_factory=list)
    """The conversation, that of the session before it included."""
    turns: int = 0
    """Model calls of this run."""
    turns_of: dict[str, int] = Field(default_factory=dict)
    """Model calls of this run by agent."""
    calls: int = 0
    """Tool calls so far: numbers ids of tickets, children and questions."""
    tickets: int = 0
    """Tickets so far."""
    usage: Usage = Usage()
    """What this run used itself."""
    delegated: dict[str, Usage] = Field(default_factory=dict)
    """What its delegations used, by job id."""
    tasks: list[Task] = Field(default_factory=list)
    steering: list[str] = Field(default_factory=list)
    """Texts of people that the agent has not seen yet."""
    answer: str = ""
    """The last text that an agent wrote."""
    last_wait: datetime | None = None
    """Until when it waits for outstanding tasks after its answer."""
    session_held: bool = False
    """Whether the session is locked for this run."""
    session_items: int = 0
    """How many of ``items`` were there before this run."""

    @property
    def total(self) -> Usage:
        """What the run used with its delegations."""
        used = self.usage
        for other in self.delegated.values():
            used = used + other
        return used

    def outstanding(self) -> list[Task]:
        """Tasks that have not ended."""
        return [task for task in self.tasks if task.running]

    def undelivered(self) -> list[Task]:
        """Tasks that ended and that the model has not been told of."""
        return [task for task in self.tasks if not task.running and not task.delivered]

    def task(self, ticket: str) -> Task | None:
        """The task of a ticket."""
        return next((task for task in self.tasks if task.ticket == ticket), None)

    def carried(self) -> RunState:
        """The state as the next run gets it at continue-as-new: results that the model has seen are left behind."""
        tasks = [task for task in self.tasks if task.running or not task.delivered]
        return self.model_copy(update={"tasks": tasks}, deep=True)
