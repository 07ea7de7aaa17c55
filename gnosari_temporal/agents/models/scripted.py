"""The scripted model: plays the turns of a file. For demos and tests; it is no model and needs no network.

    agents:
      Manager:
        - calls:
            - {tool: delegate_agent, args: {target_agent: Writer, message: "{{input}}"}}
        - text: "The writer says: {{results}}"
      Writer:
        - {text: "A poem about {{input}}", takes: 500ms}

A turn is found by the agent's name and the number of its turn in the run. In texts and arguments ``{{input}}`` is
what the run was asked, ``{{last}}`` the last thing that came in, and ``{{results}}`` all that came in since the
agent's last turn.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ...durations import Duration
from ...errors import ModelNotConfigured, ModelRefused, ModelUnavailable, TeamError
from ...yamldoc import Problems, load_yaml, validate
from ..model_call import SCRIPTED, ModelCallMessage, ModelReply
from ..state import Item
from ..team import TeamSpec
from ..usage import Usage

_CHARACTERS_PER_TOKEN = 4
_PIECES = 12


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScriptedCall(_Part):
    """A call of a tool."""

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)


class ScriptedFailure(_Part):
    """A failure in place of the answer; it happens on every attempt."""

    status: int = Field(ge=400, le=599)
    message: str = "scripted failure"
    retry_after: Duration | None = None


class ScriptedTurn(_Part):
    """What the model answers at one turn."""

    text: str = ""
    calls: list[ScriptedCall] = Field(default_factory=list)
    takes: Duration | None = None
    """How long it thinks."""
    times: int = Field(default=1, ge=1)
    """How many turns in a row it answers the same."""
    input_tokens: int | None = Field(default=None, ge=0)
    """None: a quarter of the characters."""
    output_tokens: int | None = Field(default=None, ge=0)
    fail: ScriptedFailure | None = None


class Script(_Part):
    """The turns of every agent, in order."""

    agents: dict[str, list[ScriptedTurn]]


def script_in(model: str, directory: Path) -> str:
    """The model's name; of a scripted one with its file named from the root, if it is relative to ``directory``."""
    if not model.startswith(SCRIPTED):
        return model
    return SCRIPTED + str((directory / model.removeprefix(SCRIPTED)).resolve())


def with_scripts_of(team: TeamSpec, directory: Path) -> TeamSpec:
    """The team with the files of scripted models named from the root, where they were relative to ``directory``."""
    agents = tuple(agent.model_copy(update={"model": script_in(agent.model, directory)}) for agent in team.agents)
    prices = {script_in(model, directory): price for model, price in team.config.prices.items()}
    config = team.config.model_copy(update={"model": script_in(team.config.model, directory), "prices": prices})
    return team.model_copy(update={"agents": agents, "config": config})


class ScriptedModel:
    """Plays a script."""

    def __init__(self, script: Script, name: str) -> None:
        self._script = script
        self._name = name

    @classmethod
    def load(cls, path: str) -> ScriptedModel:
        """Read a script.

        Raises:
            ModelNotConfigured: there is no such file on the worker.
            TeamError: the script is wrong; each problem is named with its line.
        """
        if not Path(path).is_file():
            raise ModelNotConfigured(f"the worker has no script {path!r}: scripted models are read on the worker")
        document = load_yaml(path)
        problems = Problems(document)
        script = validate(Script, document.data, problems)
        problems.raise_if_any()
        if script is None:
            raise TeamError(f"{path}: is no script")
        return cls(script, Path(path).name)

    async def reply(self, call: ModelCallMessage, on_text: Callable[[str], None]) -> ModelReply:
        """The scripted turn.

        Raises:
            ModelRefused: the script has no such turn, or says so.
            ModelUnavailable: the script says so.
        """
        turn = self._turn(call.agent, call.turn)
        if turn.fail is not None:
            await _pause(turn, 1)
            raise _failure(turn.fail, self._name)
        fill = _Filler(call)
        text = fill(turn.text)
        if call.stream and text:
            for piece in _pieces(text):
                on_text(piece)
                await _pause(turn, _PIECES)
        else:
            await _pause(turn, 1)
        calls: list[Item] = [
            {
                "type": "function_call",
                "id": f"fc_{call.agent}_{call.turn}_{number}",
                "call_id": f"call_{call.agent}_{call.turn}_{number}",
                "name": wanted.tool,
                "arguments": json.dumps(fill.tree(wanted.args), ensure_ascii=False),
            }
            for number, wanted in enumerate(turn.calls, 1)
        ]
        message: Item = {
            "type": "message",
            "id": f"msg_{call.agent}_{call.turn}",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }
        items = [message, *calls] if text or not calls else calls
        return ModelReply(items=items, usage=_usage(turn, call, items))

    def _turn(self, agent: str, number: int) -> ScriptedTurn:
        turns = self._script.agents.get(agent)
        if turns is None:
            known = ", ".join(self._script.agents) or "none"
            raise ModelRefused(f"script {self._name} has no agent {agent!r}; it has {known}")
        played = [turn for turn in turns for _ in range(turn.times)]
        if number > len(played):
            raise ModelRefused(f"script {self._name} has {len(played)} turns for {agent!r}, this is turn {number}")
        return played[number - 1]


class _Filler:
    """Puts what came in into the script's texts."""

    def __init__(self, call: ModelCallMessage) -> None:
        since: list[str] = []
        for item in reversed(call.input):
            if item.get("type") == "function_call" or item.get("role") == "assistant":
                break
            since.append(_text_of(item))
        self._values = {
            "input": call.asked,
            "last": since[0] if since else "",
            "results": "\n".join(reversed(since)),
        }

    def __call__(self, text: str) -> str:
        for name, value in self._values.items():
            text = text.replace(f"{{{{{name}}}}}", value)
        return text

    def tree(self, value: Any) -> Any:
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {key: self.tree(item) for key, item in value.items()}
        return [self.tree(item) for item in value] if isinstance(value, list) else value


def _text_of(item: Item) -> str:
    content = item.get("output", item.get("content", ""))
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def _pieces(text: str) -> Iterator[str]:
    size = max(1, -(-len(text) // _PIECES))
    for start in range(0, len(text), size):
        yield text[start : start + size]


async def _pause(turn: ScriptedTurn, parts: int) -> None:
    if turn.takes:
        await asyncio.sleep(turn.takes.total_seconds() / parts)


def _failure(fail: ScriptedFailure, name: str) -> ModelRefused | ModelUnavailable:
    text = f"{name}: HTTP {fail.status}: {fail.message}"
    if fail.status == 429 or fail.status >= 500:
        return ModelUnavailable(text, delay=fail.retry_after or 1.0)
    return ModelRefused(text, status=fail.status)


def _usage(turn: ScriptedTurn, call: ModelCallMessage, items: list[Item]) -> Usage:
    asked = len(call.instructions) + len(json.dumps(call.input))
    answered = len(json.dumps(items))
    return Usage(
        requests=1,
        input_tokens=asked // _CHARACTERS_PER_TOKEN if turn.input_tokens is None else turn.input_tokens,
        output_tokens=answered // _CHARACTERS_PER_TOKEN if turn.output_tokens is None else turn.output_tokens,
    )
