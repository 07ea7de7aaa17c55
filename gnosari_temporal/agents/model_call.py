"""The model call: one turn of an agent at its model, as a message with a consumer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from ..messages import BaseMessage
from .config import ReasoningEffort
from .state import Item
from .usage import Usage

SCRIPTED = "scripted:"
"""Before the name of a file of turns, in place of a model's name."""


class ModelTool(BaseModel):
    """A function that the model may call."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON schema of the arguments."""


class ModelCallMessage(BaseMessage):
    """What a model is asked at one turn."""

    agent: str
    turn: int
    """The agent's turn in this run; 1 is the first."""
    model: str
    asked: str = ""
    """What the run was asked, for scripted models; it is in ``input`` too."""
    instructions: str = ""
    input: list[Item] = Field(default_factory=list)
    tools: list[ModelTool] = Field(default_factory=list)
    temperature: float | None = None
    reasoning_effort: ReasoningEffort | None = None
    stream: bool = False

    def job_summary(self) -> str:
        """The turn and the model."""
        return f"{self.agent}, turn {self.turn}, {PurePath(self.model).name}"


class ModelReply(BaseModel):
    """What a model answered."""

    model_config = ConfigDict(frozen=True)

    items: list[Item] = Field(default_factory=list)
    """Texts and calls, as items of the conversation."""
    usage: Usage = Usage()

    @property
    def text(self) -> str:
        """The text of the reply."""
        parts = [
            part.get("text", "") or part.get("refusal", "")
            for item in self.items
            if item.get("type") == "message"
            for part in item.get("content") or []
            if isinstance(part, dict)
        ]
        return "".join(parts)

    @property
    def calls(self) -> list[Item]:
        """The calls of functions."""
        return [item for item in self.items if item.get("type") == "function_call"]


class Model(Protocol):
    """A model behind one name."""

    async def reply(self, call: ModelCallMessage, on_text: Callable[[str], None]) -> ModelReply:
        """Answer; ``on_text`` is told of text as it is made, if the call asks to stream.

        Raises:
            ModelUnavailable: to be tried again later.
            ModelRefused: trying again does not help.
        """
        ...
