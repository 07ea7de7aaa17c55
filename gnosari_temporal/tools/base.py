"""The tool: a name and a description for the model, a schema of its arguments, and ``run``.

This is Gnosari's ``BaseTool``: a tool written for it needs no change but the import. The other kind of
Gnosari tool, whose ``get_tool()`` gives a ``FunctionTool`` of the Agents SDK, is in ``function_tools``.
"""

from __future__ import annotations

import inspect
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python
from typing_extensions import TypeVar

from ..errors import ToolDefinitionError
from .arguments import check_json_schema, check_model, read_arguments, shown
from .context import tool_scope
from .extras import needs_extra
from .threads import interruptible

if TYPE_CHECKING:
    from agents import FunctionTool

InputT = TypeVar("InputT", default=Any)
OutputT = TypeVar("OutputT", default=Any)

logger = logging.getLogger(__name__)


class BaseTool(ABC, Generic[InputT, OutputT]):
    """A tool that agents can call.

    ``input_schema`` is a pydantic model class, or a JSON schema as a mapping; ``run`` is given an instance of
    the model, or a checked ``dict``. ``output_schema`` describes the result; a result that does not match it
    is logged and returned all the same, because what the tool did is done.
    """

    async_refusal: ClassVar[str | None] = None
    """Why the tool cannot run in async mode; None: it can. For tools that are bound to one process."""

    def __init__(
        self,
        name: str,
        description: str,
        input_schema: type[BaseModel] | Mapping[str, Any],
        output_schema: type[BaseModel] | Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.input_schema = input_schema
        self.output_schema = output_schema

    @abstractmethod
    async def run(self, input_data: InputT) -> OutputT:
        """Do the work and return a result that can be written as JSON. A plain ``def run`` works too.

        Who calls and the idempotency key are in ``context.current_context()`` and ``context.current_call()``.
        An exception fails the attempt; the job is retried by its policy, except after ValueError,
        ImportError, AttributeError and validation errors.
        """

    @property
    def input_json_schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments."""
        return _as_json_schema(self.input_schema, tool=self.name)

    @property
    def output_json_schema(self) -> dict[str, Any] | None:
        """The JSON schema of the result; None if the tool declares none."""
        return None if self.output_schema is None else _as_json_schema(self.output_schema, tool=self.name)

    def supports_async_execution(self) -> bool:
        """Whether the tool can run in async mode."""
        return self.async_refusal is None

    def validate(self, arguments: Mapping[str, Any] | str | bytes) -> InputT:
        """The arguments (a mapping, or the JSON text of one) as ``run`` wants them.

        Raises:
            ToolInputError: an argument is unknown, missing or of the wrong type; the fields are named.
        """
        values = read_arguments(arguments, tool=self.name)
        schema = self.input_schema
        if isinstance(schema, Mapping):
            return cast("InputT", check_json_schema(schema, values, tool=self.name))
        return cast("InputT", check_model(schema, values, tool=self.name))

    async def invoke(self, arguments: Mapping[str, Any] | str | bytes) -> Any:
        """Validate the arguments, run the tool, and give its result as plain JSON values.

        A synchronous ``run`` runs in a thread. Raises ToolInputError, and whatever ``run`` raises.
        """
        data = self.validate(arguments)
        if inspect.iscoroutinefunction(self.run):
            result = await self.run(data)
        else:
            blocking = cast("Callable[[InputT], Any]", self.run)
            result = await interruptible(lambda: blocking(data))
            if inspect.isawaitable(result):
                result = await result
        return self._checked_output(jsonable(result))

    def get_tool(self) -> FunctionTool:
        """The tool as the Agents SDK's ``FunctionTool``.

        Raises:
            ToolDefinitionError: the SDK is not installed (``gnosari-temporal[agents]``).
        """
        with needs_extra(self.name, extra="agents"):
            from agents import FunctionTool

        async def on_invoke_tool(ctx: Any, args: str) -> str:
            with tool_scope(context=ctx):
                result = await self.invoke(args)
            return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)

        return FunctionTool(
            name=self.name,
            description=self.description,
            params_json_schema=self.input_json_schema,
            on_invoke_tool=on_invoke_tool,
            strict_json_schema=False,
        )

    def _checked_output(self, result: Any) -> Any:
        schema = self.output_schema
        if schema is None or isinstance(schema, Mapping):
            return result
        try:
            schema.model_validate(result)
        except ValidationError as error:
            logger.warning("%s: the result is not a %s: %s", self.name, schema.__name__, error)
        return result


def jsonable(value: Any) -> Any:
    """A tool's result as plain JSON values: models and dataclasses as objects, bytes as base64, else ``str``."""
    try:
        return from_json(to_json(value, bytes_mode="base64", inf_nan_mode="strings", fallback=str))
    except PydanticSerializationError as error:
        if "surrogate" not in str(error):
            raise
    plain = to_jsonable_python(value, bytes_mode="base64", fallback=str)
    return json.loads(json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace"), parse_constant=str)


def _as_json_schema(schema: Any, *, tool: str) -> dict[str, Any]:
    if isinstance(schema, Mapping):
        return dict(schema)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema()
    raise ToolDefinitionError(f"{tool}: the schema {shown(schema)} is neither a pydantic model class nor a JSON schema")
