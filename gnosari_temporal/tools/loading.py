"""From a module, a class name and ``args`` to a tool that runs: allowed, imported, made and called.

Nothing is imported before the allow list has said yes. A tool is made for every call, on the worker, after
``${VAR}`` in its ``args`` was expanded; it holds no state from one call to the next.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..errors import GnosariError, ToolDefinitionError
from .allowlist import BUILTIN_PACKAGE, AllowedTools
from .arguments import check_json_schema, check_model, explain, read_arguments, suggestion
from .base import BaseTool, jsonable
from .context import ToolCall, ToolContext, ToolGrants, tool_scope
from .function_tools import check_function_arguments, function_tool_of, invoke_function_tool
from .modules import BUILTIN, resolve_module
from .threads import interruptible


def load_class(module: str, class_name: str, allowed: AllowedTools) -> type:
    """Import a tool's class.

    Raises:
        ToolNotAllowed: the allow list does not have it; nothing was imported.
        ToolDefinitionError: the module or the class does not exist, or is no tool.
    """
    actual = resolve_module(module)
    allowed.check(actual, class_name, also=module)
    try:
        imported = importlib.import_module(actual)
    except ModuleNotFoundError as error:
        if error.name is None or not (actual == error.name or actual.startswith(error.name + ".")):
            raise ToolDefinitionError(
                f"tool module {actual} needs the module {error.name!r}, which is not installed"
            ) from error
        raise ToolDefinitionError(f"there is no tool module {actual}{_known_modules(actual)}") from error
    except Exception as error:
        raise ToolDefinitionError(
            f"tool module {actual} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    found = getattr(imported, class_name, None)
    if found is None:
        names = [name for name, value in vars(imported).items() if _is_tool_class(value)]
        raise ToolDefinitionError(f"module {actual} has no {class_name!r}{suggestion(class_name, names)}")
    if not isinstance(found, type):
        raise ToolDefinitionError(f"{actual}:{class_name} is no class but a {type(found).__name__}")
    allowed.check_class(found, actual)
    if not _is_tool_class(found):
        raise ToolDefinitionError(f"{actual}:{class_name} is no tool: it has neither run(input_data) nor get_tool()")
    return found


def make_tool(tool_class: type, args: Mapping[str, Any] | None = None) -> Any:
    """An instance of a tool's class.

    Raises:
        ToolDefinitionError: ``args`` does not fit the constructor; what is wrong and what is allowed are named.
    """
    name = tool_class.__name__
    values = dict(args or {})
    allowed = _check_names(tool_class, values)
    try:
        return tool_class(**values)
    except ValidationError as error:
        problems, _ = explain(error, allowed=allowed, secret=True)
        raise ToolDefinitionError(f"{name}: {'; '.join(f'args.{line}' for line in problems)}") from None
    except GnosariError:
        raise
    except Exception as error:
        raise ToolDefinitionError(f"{name} cannot be made from its args: {type(error).__name__}: {error}") from error


def load_tool(module: str, class_name: str, args: Mapping[str, Any] | None = None, *, allowed: AllowedTools) -> Any:
    """Import a tool's class and make an instance; ``load_class`` and ``make_tool`` in one."""
    return make_tool(load_class(module, class_name, allowed), args)


def load_builtin(name: str, args: Mapping[str, Any] | None = None) -> Any:
    """A builtin tool by the name that agents use (``api_request``, ``file_operations``, …).

    Raises:
        ToolDefinitionError: there is no such builtin tool, or ``args`` does not fit.
    """
    if name not in BUILTIN:
        raise ToolDefinitionError(f"there is no builtin tool {name!r}{suggestion(name, BUILTIN)}")
    module, class_name = BUILTIN[name]
    return load_tool(module, class_name, args, allowed=AllowedTools())


async def run_tool(
    tool: Any,
    arguments: Mapping[str, Any] | str | bytes,
    context: ToolContext | None = None,
    *,
    call: ToolCall | None = None,
    grants: ToolGrants | None = None,
) -> Any:
    """Run a tool of either kind and give its result as plain JSON values.

    ``arguments`` is a mapping or its JSON text. Exceptions of the tool come out as they are. A synchronous
    ``run`` runs in a thread, in which a cancellation raises ``temporalio.exceptions.CancelledError``.

    Raises:
        ToolInputError: the arguments are refused; the fields are named.
        ToolDefinitionError: ``tool`` is no tool.
    """
    with tool_scope(call=call, context=context, grants=grants):
        if isinstance(tool, BaseTool):
            return await tool.invoke(arguments)
        if any(callable(getattr(tool, name, None)) for name in ("on_invoke_tool", "get_tool")):
            return await invoke_function_tool(function_tool_of(tool), arguments)
        if callable(getattr(tool, "run", None)):
            return await _run_shaped(tool, arguments)
    raise ToolDefinitionError(
        f"{type(tool).__name__} is no tool: it has neither run(input_data), get_tool() nor on_invoke_tool()"
    )


def check_arguments(tool: Any, arguments: Mapping[str, Any] | str | bytes) -> None:
    """Refuse what ``run_tool`` would refuse, without running the tool.

    Raises:
        ToolInputError: the arguments are refused; the fields are named.
        ToolDefinitionError: ``tool`` is no tool, or its schema cannot be used.
    """
    if isinstance(tool, BaseTool):
        tool.validate(arguments)
    elif any(callable(getattr(tool, name, None)) for name in ("on_invoke_tool", "get_tool")):
        check_function_arguments(function_tool_of(tool), arguments)
    else:
        _shaped_arguments(tool, arguments)


def input_schema_of(tool: Any) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, for either kind; an open object if the tool declares none."""
    if isinstance(tool, BaseTool):
        return tool.input_json_schema
    if any(callable(getattr(tool, name, None)) for name in ("on_invoke_tool", "get_tool")):
        return dict(function_tool_of(tool).params_json_schema)
    schema = getattr(tool, "input_schema", None)
    if schema is not None and hasattr(schema, "model_json_schema"):
        return dict(schema.model_json_schema())
    return dict(schema) if isinstance(schema, Mapping) else {"type": "object"}


def async_refusal_of(tool_or_class: Any) -> str | None:
    """Why a tool cannot run in async mode; None: it can."""
    refusal = getattr(tool_or_class, "async_refusal", None)
    return refusal if isinstance(refusal, str) and refusal else None


async def _run_shaped(tool: Any, arguments: Mapping[str, Any] | str | bytes) -> Any:
    """Run an object that has ``run`` and perhaps ``input_schema``, without being one of our classes."""
    data = _shaped_arguments(tool, arguments)
    if inspect.iscoroutinefunction(tool.run):
        return jsonable(await tool.run(data))
    result = await interruptible(lambda: tool.run(data))
    return jsonable(await result if inspect.isawaitable(result) else result)


def _shaped_arguments(tool: Any, arguments: Mapping[str, Any] | str | bytes) -> Any:
    name = str(getattr(tool, "name", type(tool).__name__))
    data: Any = read_arguments(arguments, tool=name)
    schema = getattr(tool, "input_schema", None)
    if isinstance(schema, Mapping):
        data = check_json_schema(schema, data, tool=name)
    elif schema is not None and hasattr(schema, "model_validate"):
        data = check_model(schema, data, tool=name)
    return data


def _check_names(tool_class: type, values: Mapping[str, Any]) -> list[str]:
    """The names that the constructor takes, after a look at what ``values`` has too much or too little."""
    name = tool_class.__name__
    if inspect.isabstract(tool_class):
        missing = ", ".join(sorted(getattr(tool_class, "__abstractmethods__", ())))
        raise ToolDefinitionError(f"{name} cannot be made: it lacks {missing}")
    try:
        parameters = inspect.signature(tool_class).parameters.values()
    except (ValueError, TypeError):
        return []
    named = [item for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    names = [item.name for item in named]
    if not any(item.kind is item.VAR_KEYWORD for item in parameters):
        for key in values:
            if key not in names:
                hint = suggestion(str(key), names) or " (it takes none)"
                raise ToolDefinitionError(f"{name}: args.{key}: unknown argument{hint}")
    lacking = [item.name for item in named if item.default is item.empty and item.name not in values]
    if lacking:
        raise ToolDefinitionError(f"{name}: args.{lacking[0]}: missing (required: {', '.join(lacking)})")
    return names


def _is_tool_class(value: Any) -> bool:
    return isinstance(value, type) and any(
        callable(getattr(value, name, None)) for name in ("run", "get_tool", "on_invoke_tool")
    )


def _known_modules(module: str) -> str:
    if not module.startswith(BUILTIN_PACKAGE + "."):
        return ""
    known = sorted({path.rpartition(".")[2] for path, _ in BUILTIN.values()})
    return suggestion(module.rpartition(".")[2], known)
