"""The tool message: one call of any tool, as a message of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from ..messages import SUMMARY_LENGTH, BaseMessage, new_id, shorten
from ..routing import AGENT, SESSION, TEAM, TOOL
from .context import ToolContext
from .spec import ToolSpec

_WORDS = 2
"""Arguments that a summary shows."""
_WORD_LENGTH = 60
_TELLING = (
    "operation",
    "action",
    "method",
    "command",
    "query",
    "url",
    "endpoint",
    "file_path",
    "path",
    "target_agent",
    "knowledge_name",
    "name",
    "id",
    "message",
)
"""Arguments that say best what a call does, in this order."""
_UNTOLD = re.compile(r"content|body|data|auth|token|key|secret|cookie|passw|credential", re.IGNORECASE)
"""Arguments that a list of jobs should not show: long ones, and credentials."""


class ToolExecutionMessage(BaseMessage):
    """A call of a tool that a worker makes: which tool, how it is made, and what it is asked."""

    task_id: str = Field(default_factory=new_id)
    """Identity of the call for whoever made it; the same as the message's id, unless both are given."""
    tool_name: str
    """What the model sees as the tool's name."""
    tool_module: str
    tool_class: str
    tool_init_args: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the tool's constructor, ``${VAR}`` unresolved: the worker resolves them."""
    tool_args: str = "{}"
    """Arguments of the call, as JSON text."""
    agent_id: str | None = None
    session_id: str | None = None
    context_data: dict[str, Any] = Field(default_factory=dict)
    """What tools of the function kind read as their context (``ToolContext.from_data``)."""

    @model_validator(mode="before")
    @classmethod
    def _one_id_for_task_and_message(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or {"task_id", "message_id"} <= data.keys():
            return data
        given = data.get("task_id") or data.get("message_id") or new_id()
        return {"task_id": given, "message_id": given, **data}

    @classmethod
    def of_call(
        cls,
        spec: ToolSpec,
        arguments: Mapping[str, Any] | str,
        *,
        task_id: str | None = None,
        priority: int | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
        team: str | None = None,
        context_data: Mapping[str, Any] | None = None,
    ) -> Self:
        """The message of a call of a team's tool; ``priority`` wins over the tool's.

        Without ``context_data`` the context says session and team.
        """
        if context_data is None:
            context = {"session_id": session_id, "session_context": {"team": team} if team else {}}
            context_data = {"context_wrapper": {"context": context, "agent_id": agent_id}}
        return cls(
            task_id=task_id or new_id(),
            tool_name=spec.function_name,
            tool_module=spec.module,
            tool_class=spec.class_name,
            tool_init_args=spec.args,
            tool_args=arguments if isinstance(arguments, str) else json.dumps(dict(arguments), ensure_ascii=False),
            priority=priority or spec.priority,
            agent_id=agent_id,
            session_id=session_id,
            context_data=dict(context_data),
        )

    def job_summary(self) -> str:
        """The tool and the arguments that say best what it does: ``file_operations write report.txt``."""
        return shorten(" ".join([self.tool_name, *_telling_words(self.tool_args)]), SUMMARY_LENGTH)

    def job_attributes(self) -> dict[str, str]:
        """Tool, team, agent and session."""
        team = ToolContext.from_data(self.context_data).context.session_context.get("team")
        return {
            TOOL: self.tool_name,
            TEAM: str(team or ""),
            AGENT: self.agent_id or "",
            SESSION: self.session_id or "",
        }


def _telling_words(arguments: str) -> list[str]:
    try:
        values = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return []
    if not isinstance(values, dict):
        return []
    names = [name for name, value in values.items() if _is_word(value) and not _UNTOLD.search(name)]
    names.sort(key=lambda name: _TELLING.index(name) if name in _TELLING else len(_TELLING))
    return [shorten(str(values[name]), _WORD_LENGTH) for name in names[:_WORDS]]


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and str(value) != ""
