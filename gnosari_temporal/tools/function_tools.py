"""The other kind of Gnosari tool: a class whose ``get_tool()`` gives a ``FunctionTool`` of the Agents SDK.

A function tool is known by its shape (``on_invoke_tool(ctx, args_json)``), not by its class, because
importing the SDK takes 2 seconds and a worker without such tools never needs it.
"""

from __future__ import annotations

import inspect
import json
import sys
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..errors import ToolDefinitionError
from .arguments import check_json_schema, read_arguments
from .base import BaseTool, jsonable
from .context import ToolContext, context_data_of, current_call, current_context

if TYPE_CHECKING:
    from agents import FunctionTool


@runtime_checkable
class FunctionToolLike(Protocol):
    """What the engine needs of a ``FunctionTool``."""

    name: str
    description: str
    params_json_schema: dict[str, Any]
    on_invoke_tool: Callable[[Any, str], Awaitable[Any]]


class _FunctionKind(BaseTool[Any, Any]):
    """A tool that does its work in the ``FunctionTool`` that ``get_tool()`` gives."""

    @abstractmethod
    def get_tool(self) -> FunctionTool:
        """The ``FunctionTool`` that does the work."""

    async def run(self, input_data: Any) -> Any:
        """Hand ``input_data`` to the function tool."""
        values = input_data.model_dump(mode="json") if hasattr(input_data, "model_dump") else input_data
        return await invoke_function_tool(self.get_tool(), values)

    def validate(self, arguments: Mapping[str, Any] | str | bytes) -> Any:
        """The arguments, checked against the function tool's schema."""
        return check_function_arguments(self.get_tool(), arguments)

    async def invoke(self, arguments: Mapping[str, Any] | str | bytes) -> Any:
        """Check the arguments against the function tool's schema and call it."""
        return await invoke_function_tool(self.get_tool(), arguments)

    @property
    def input_json_schema(self) -> dict[str, Any]:
        """The JSON schema of the function tool's arguments."""
        return dict(self.get_tool().params_json_schema)


class SyncTool(_FunctionKind):
    """A function tool without settings of its own for async mode; it runs in both modes all the same."""


class AsyncTool(_FunctionKind):
    """A function tool that says how it wants to be run in async mode."""

    def get_async_tool(self) -> FunctionTool:
        """The function tool that the worker runs in async mode: the same one, unless overridden.

        Sending the job is the engine's part, by the tool's mode in the team file.
        """
        return self.get_tool()

    def get_async_metadata(self) -> dict[str, Any]:
        """Defaults for async mode where the team file says nothing: ``priority``, ``timeout`` and
        ``retry_delay`` in seconds, ``max_retries``."""
        return {"priority": 5, "timeout": 600, "max_retries": 3, "retry_delay": 2}

    @staticmethod
    def serialize_context(ctx: Any) -> dict[str, Any]:
        """``ctx`` as the ``context_data`` of a message."""
        return context_data_of(ctx)


def function_tool_of(tool: Any) -> FunctionToolLike:
    """The function tool in ``tool``: the object itself, what ``get_tool()`` gives, or its attribute ``tool``.

    Raises:
        ToolDefinitionError: there is none.
    """
    if callable(getattr(tool, "on_invoke_tool", None)):
        return tool  # type: ignore[no-any-return]
    get_tool = getattr(tool, "get_tool", None)
    found = get_tool() if callable(get_tool) else getattr(tool, "tool", None)
    if callable(getattr(found, "on_invoke_tool", None)):
        return found  # type: ignore[return-value]
    raise ToolDefinitionError(
        f"{type(tool).__name__}.get_tool() gives a {type(found).__name__}; it must give a FunctionTool, "
        "which has on_invoke_tool(ctx, args_json)"
    )


def check_function_arguments(
    tool: FunctionToolLike | FunctionTool, arguments: Mapping[str, Any] | str | bytes
) -> dict[str, Any]:
    """The arguments as a mapping, if they match the function tool's schema.

    Raises:
        ToolInputError: an argument is unknown, missing or of the wrong type; the fields are named.
    """
    name = _name_of(tool)
    values = read_arguments(arguments, tool=name)
    schema = getattr(tool, "params_json_schema", None)
    if isinstance(schema, Mapping) and schema:
        strict = bool(getattr(tool, "strict_json_schema", False))
        check_json_schema(schema, values, tool=name, ignore_missing=strict)
    return values


async def invoke_function_tool(
    tool: FunctionToolLike | FunctionTool, arguments: Mapping[str, Any] | str | bytes
) -> Any:
    """Check the arguments against the tool's schema and call ``on_invoke_tool`` in the current context.

    A tool made by the SDK's ``@function_tool`` turns its own exceptions into a text for the model, unless it
    was given ``failure_error_function=None``; only then does the engine see them and retry.

    Raises:
        ToolInputError: an argument is unknown, missing or of the wrong type; the fields are named.
    """
    text = json.dumps(check_function_arguments(tool, arguments), ensure_ascii=False)
    result = tool.on_invoke_tool(_context_for(tool, _name_of(tool), text), text)
    return jsonable(await result if inspect.isawaitable(result) else result)


def _name_of(tool: Any) -> str:
    return str(getattr(tool, "name", "") or type(tool).__name__)


def _context_for(tool: Any, name: str, arguments: str) -> Any:
    """The context that ``tool`` expects: the SDK's own class if the tool is the SDK's, else ours."""
    context = current_context()
    if not isinstance(context, ToolContext):
        return context
    if "agents" not in sys.modules or not type(tool).__module__.startswith("agents."):
        return context
    from agents.tool_context import ToolContext as SdkContext

    call = current_call()
    made: Any = SdkContext(
        context=context.context,
        tool_name=name,
        tool_call_id=call.task_id if call else "direct",
        tool_arguments=arguments,
    )
    made.agent_id = context.agent_id
    made.session_id = context.session_id
    return made
