"""Tools of the tests of tool jobs; what they do is noted here, since the worker runs in the test's process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from gnosari_temporal.errors import RetryLater
from gnosari_temporal.tools import AsyncTool, BaseTool, SyncTool, ToolCall, current_call


@dataclass
class Noted:
    """One attempt of a call."""

    call: ToolCall | None
    arguments: dict[str, Any]
    at: float = field(default_factory=lambda: asyncio.get_running_loop().time())


NOTED: dict[str, list[Noted]] = {}
"""Attempts by the key that the call gave."""


class Keyed(BaseModel):
    """Arguments with the key under which the call is noted."""

    model_config = ConfigDict(extra="forbid")

    key: str
    number: int = Field(default=0, ge=0)
    text: str = ""


class _Noting(BaseTool[Keyed, Any]):
    def __init__(self, token: str = "") -> None:
        super().__init__("noting", "Notes its calls", Keyed)
        self.token = token

    def note(self, arguments: Keyed) -> Noted:
        noted = Noted(current_call(), arguments.model_dump())
        NOTED.setdefault(arguments.key, []).append(noted)
        return noted


class SquareTool(_Noting):
    """Squares a number."""

    async def run(self, input_data: Keyed) -> dict[str, int]:
        self.note(input_data)
        await asyncio.sleep(0.01)
        return {"number": input_data.number, "square": input_data.number**2}


class FlakyTool(_Noting):
    """Fails twice, then works."""

    async def run(self, input_data: Keyed) -> str:
        self.note(input_data)
        if len(NOTED[input_data.key]) < 3:
            raise ConnectionError("nobody answers")
        return f"answered at attempt {len(NOTED[input_data.key])}"


class LaterTool(_Noting):
    """Asks to be tried again a little later, then works."""

    async def run(self, input_data: Keyed) -> str:
        self.note(input_data)
        if len(NOTED[input_data.key]) == 1:
            raise RetryLater(f"{self.token} is busy", delay=0.2)
        return "done"


class BrokenTool(_Noting):
    """Raises the exception that is named."""

    async def run(self, input_data: Keyed) -> None:
        self.note(input_data)
        raise {"ValueError": ValueError, "OSError": OSError, "AttributeError": AttributeError, "KeyError": KeyError}[
            input_data.text
        ]("it broke")


class SlowTool(_Noting):
    """Takes its time."""

    async def run(self, input_data: Keyed) -> str:
        self.note(input_data)
        await asyncio.sleep(60)
        return "too late"


class EchoTool(_Noting):
    """Returns its token, as a careless tool would."""

    async def run(self, input_data: Keyed) -> Any:
        self.note(input_data)
        return {"token": self.token, "nested": [f"Bearer {self.token}", {self.token: 1}], "said": input_data.text}


class LeakyTool(_Noting):
    """Fails with its token in every text of the failure."""

    async def run(self, input_data: Keyed) -> None:
        self.note(input_data)
        try:
            raise OSError(f"no route to https://u:{quote(self.token, safe='')}@host/")
        except OSError as error:
            raise ConnectionError(f"login with {self.token!r} failed: {self.token[:20]}…") from error


class BoundTool(_Noting):
    """Lives in one process."""

    async_refusal = "it talks to a program that this process started"

    async def run(self, input_data: Keyed) -> str:
        self.note(input_data)
        return "here"


class OwnModeTool(BaseTool[Any, Any]):
    """Has an argument that is called as the choice of the mode is."""

    def __init__(self) -> None:
        super().__init__(
            "own_mode",
            "Has an execution mode of its own",
            {"type": "object", "properties": {"execution_mode": {"type": "string"}}, "additionalProperties": False},
        )

    async def run(self, input_data: dict[str, Any]) -> dict[str, Any]:
        return input_data


class FunctionTool:
    """A function tool by its shape."""

    def __init__(self, name: str, mode: str) -> None:
        self.name, self.description, self.mode = name, "Says who calls", mode
        self.params_json_schema = {
            "type": "object",
            "properties": {"key": {"type": "string"}},
            "required": ["key"],
            "additionalProperties": False,
        }

    async def on_invoke_tool(self, ctx: Any, args: str) -> dict[str, Any]:
        """Say what the context has."""
        team = ctx.context
        return {
            "mode": self.mode,
            "args": args,
            "session": team.session_id,
            "session_context": team.session_context,
            "config": team.original_config,
            "agent": ctx.agent_id,
        }


class WhoTool(SyncTool):
    """A function tool."""

    def __init__(self) -> None:
        super().__init__("who", "Says who calls", {"type": "object"})

    def get_tool(self) -> Any:
        return FunctionTool("who", "sync")


class WhoAsyncTool(AsyncTool):
    """A function tool with a say in how it runs in async mode."""

    def __init__(self) -> None:
        super().__init__("who_async", "Says who calls", {"type": "object"})

    def get_tool(self) -> Any:
        return FunctionTool("who_async", "sync")

    def get_async_tool(self) -> Any:
        return FunctionTool("who_async", "async")

    def get_async_metadata(self) -> dict[str, Any]:
        return {"priority": 7, "timeout": 42, "max_retries": 1, "retry_delay": 3}
