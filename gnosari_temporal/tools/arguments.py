"""The arguments of a tool call: read from JSON, checked against a schema, refused with the field named."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import ToolDefinitionError, ToolInputError
from .extras import needs_extra

M = TypeVar("M", bound=BaseModel)

_SHOWN = 80
"""Characters of a refused value that an error shows."""


def read_arguments(arguments: Mapping[str, Any] | str | bytes, *, tool: str) -> dict[str, Any]:
    """The arguments as a mapping, from a mapping or from the JSON text of one; empty text means none.

    Raises:
        ToolInputError: the text is no JSON, or no JSON object.
    """
    if isinstance(arguments, Mapping):
        return dict(arguments)
    if not arguments.strip():
        return {}
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        raise ToolInputError(
            f"{tool}: the arguments are no JSON ({error}): {shown(arguments)}; send one JSON object"
        ) from None
    if not isinstance(values, dict):
        raise ToolInputError(f"{tool}: the arguments are {shown(values)}; send one JSON object")
    return values


def check_model(model: type[M], arguments: Mapping[str, Any], *, tool: str) -> M:
    """``arguments`` as an instance of ``model``.

    Raises:
        ToolInputError: an argument is unknown, missing or of the wrong type; all of them are named.
    """
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        raise input_error(error, tool=tool, allowed=field_names(model)) from None


def input_error(error: ValidationError, *, tool: str, allowed: Iterable[str] = ()) -> ToolInputError:
    """What pydantic refused, as one line for whoever made the call."""
    problems, fields = explain(error, allowed=allowed)
    return ToolInputError(f"{tool}: {'; '.join(problems)}", fields=tuple(fields))


def explain(
    error: ValidationError, *, allowed: Iterable[str] = (), secret: bool = False
) -> tuple[list[str], list[str]]:
    """One line for every problem that pydantic found, and the fields that have one.

    With ``secret`` texts are not shown: a tool's ``args`` may hold credentials by then.
    """
    names = sorted(allowed)
    problems, fields = [], []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in item["loc"]) or "arguments"
        fields.append(where)
        kind = item["type"]
        if kind in ("extra_forbidden", "unexpected_keyword_argument"):
            problems.append(f"{where}: unknown argument{suggestion(where, names)}")
        elif kind in ("missing", "missing_argument"):
            problems.append(f"{where}: missing")
        else:
            text = item["msg"].removeprefix("Value error, ")
            problems.append(f"{where}: {text} (got {_veiled(item['input']) if secret else shown(item['input'])})")
    return problems, fields


def check_json_schema(
    schema: Mapping[str, Any], arguments: Mapping[str, Any], *, tool: str, ignore_missing: bool = False
) -> dict[str, Any]:
    """``arguments``, if they match the JSON schema.

    ``ignore_missing`` is for the Agents SDK's strict schemas, which call every argument required although the
    function has defaults.

    Raises:
        ToolInputError: they don't; the fields are named.
        ToolDefinitionError: the schema itself is wrong, or the ``jsonschema`` package is missing.
    """
    with needs_extra(f"{tool} (its input schema is a JSON schema)"):
        from jsonschema import exceptions, validators
        from referencing import Registry
    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
    except exceptions.SchemaError as error:
        raise ToolDefinitionError(f"{tool}: its input schema is no JSON schema: {error.message}") from None
    # A registry of one's own keeps the validator from fetching remote references.
    checker = kind(dict(schema), registry=Registry())
    problems, fields = [], []
    for found in sorted(checker.iter_errors(dict(arguments)), key=lambda item: list(map(str, item.path))):
        if ignore_missing and found.validator == "required":
            continue
        where = ".".join(str(part) for part in found.absolute_path) or "arguments"
        fields.append(where)
        problems.append(f"{where}: {_one_line(found.message)}")
    if problems:
        raise ToolInputError(f"{tool}: {'; '.join(problems)}", fields=tuple(fields))
    return dict(arguments)


def field_names(model: type[BaseModel]) -> list[str]:
    """The names under which arguments of ``model`` are given."""
    return [field.alias or name for name, field in model.model_fields.items()]


def suggestion(name: str, allowed: Iterable[str]) -> str:
    """``, did you mean 'x'? (allowed: x, y)``, as far as there is something to say."""
    names = sorted(allowed)
    if not names:
        return ""
    close = difflib.get_close_matches(name, names, n=1)
    hint = f", did you mean {close[0]!r}?" if close else ""
    return f"{hint} (allowed: {', '.join(names)})"


def shown(value: Any) -> str:
    """A value for an error message, on one line and not too long."""
    text = _one_line(repr(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _veiled(value: Any) -> str:
    plain = value is None or isinstance(value, bool | int | float)
    return repr(value) if plain else f"a {type(value).__name__}"


def _one_line(text: str) -> str:
    return " ".join(text.split()) if any(mark in text for mark in "\r\n\t") else text
