"""The section of a file and the types of its fields."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Base class of what a mapping in a file may hold: unknown keys are errors, texts become numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


def _no_bool(value: Any) -> Any:
    """YAML's truth values are numbers to Python; in a file that is a mistake."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "must be a number")
    return value


def _printable(value: str) -> str:
    stripped = value.strip()
    if not stripped:
        raise PydanticCustomError("empty", "must not be empty")
    if not stripped.isprintable():
        raise PydanticCustomError("printable", "must be one line of printable characters")
    return stripped


def _as_text(value: Any) -> Any:
    """Numbers in command lines and headers are text that needs no quotes."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_list(value: Any) -> Any:
    """One item without a list around it."""
    return [value] if isinstance(value, str) else value


Whole = Annotated[int, BeforeValidator(_no_bool)]
"""A whole number."""
Number = Annotated[float, BeforeValidator(_no_bool)]
"""A number."""
Name = Annotated[str, AfterValidator(_printable), Field(max_length=200)]
"""A name: one line, spaces around it dropped."""
LooseText = Annotated[
    str, BeforeValidator(_as_text), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})
]
"""Text that may be written as a number."""
ListOfText = Annotated[
    list[str],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}),
]
"""Texts; a single one may stand without a list."""
