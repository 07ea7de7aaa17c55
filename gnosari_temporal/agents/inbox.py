"""The inbox: what an agent sent off, what came back, and the tools with which it asks."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..messages import shorten
from .building import INBOX_TOOLS
from .model_call import ModelTool
from .state import RunState, Task, TaskEnd, TaskState

CHECK_TASKS, COLLECT_TASKS, CANCEL_TASK = INBOX_TOOLS

_LONGEST_RESULT = 200_000
"""Characters of one result that a model is shown."""


class CheckTasks(BaseModel):
    """Arguments of ``check_tasks``."""

    model_config = ConfigDict(extra="forbid")


class CollectTasks(BaseModel):
    """Arguments of ``collect_tasks``."""

    model_config = ConfigDict(extra="forbid")

    tickets: list[str] | None = Field(default=None, description="Tickets to collect; all open ones if left out.")
    wait_for: Literal["all", "any"] = Field(default="all", description="Wait for all of them, or for the first.")
    timeout_seconds: float | None = Field(
        default=None, ge=0, description="How long to wait at most; what is not finished then goes on."
    )


class CancelTask(BaseModel):
    """Arguments of ``cancel_task``."""

    model_config = ConfigDict(extra="forbid")

    ticket: str = Field(description="Ticket of the task to cancel.")


def inbox_tools() -> list[ModelTool]:
    """The tools of the inbox, for the model."""
    return [
        ModelTool(
            name=CHECK_TASKS,
            description="See where the tasks stand that you sent off, without waiting.",
            parameters=CheckTasks.model_json_schema(),
        ),
        ModelTool(
            name=COLLECT_TASKS,
            description="Wait for results of tasks that you sent off, and get them.",
            parameters=CollectTasks.model_json_schema(),
        ),
        ModelTool(
            name=CANCEL_TASK,
            description="Cancel a task that you sent off.",
            parameters=CancelTask.model_json_schema(),
        ),
    ]


def sent_off(task: Task) -> str:
    """What a model is told of a task that was just sent off."""
    return json.dumps({"ticket": task.ticket, "status": "running", "task": task.name, "job_id": task.job_id})


def overview(state: RunState, now: datetime) -> str:
    """What ``check_tasks`` answers."""
    if not state.tasks:
        return "You have sent off no tasks."
    return json.dumps([_line(task, now) for task in state.tasks], ensure_ascii=False)


def results_of(tasks: list[Task]) -> str:
    """Results for the model; the tasks count as delivered from here on."""
    lines = []
    for task in tasks:
        if not task.running:
            task.delivered = True
        lines.append(_report(task))
    return "\n\n".join(lines) or "There is nothing to collect."


def arrivals(tasks: list[Task]) -> dict[str, Any]:
    """The item that puts results before an agent which did not ask for them."""
    return {"role": "user", "content": f"[Results of tasks that you sent off]\n\n{results_of(tasks)}"}


def steering(texts: list[str]) -> dict[str, Any]:
    """The item that puts people's words before an agent."""
    return {"role": "user", "content": "[Message that arrived while you were working]\n\n" + "\n\n".join(texts)}


def close(task: Task, end: TaskEnd, now: datetime) -> bool:
    """Note how a task ended; False if that is known already: the first news counts."""
    if not task.running:
        return False
    task.state, task.error, task.ended_at = end.state, end.error, now
    task.result = None if end.result is None else as_text(end.result)
    return True


def as_text(value: Any, limit: int = _LONGEST_RESULT) -> str:
    """A result as a model reads it, cut if it is very long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut: {len(text):,} characters in all, the first {limit:,} are shown]"


def _line(task: Task, now: datetime) -> dict[str, Any]:
    line: dict[str, Any] = {"ticket": task.ticket, "task": task.name, "status": str(task.state)}
    line["seconds"] = round(((task.ended_at or now) - task.started_at) / timedelta(seconds=1), 1)
    if task.state is TaskState.FAILED:
        line["error"] = shorten(task.error, 200)
    return line


def _report(task: Task) -> str:
    if task.running:
        return f"{task.ticket} ({task.name}): still running"
    if task.state is TaskState.SUCCEEDED:
        return f"{task.ticket} ({task.name}): {task.result or ''}"
    return f"{task.ticket} ({task.name}) {task.state}: {task.error or 'no reason given'}"
