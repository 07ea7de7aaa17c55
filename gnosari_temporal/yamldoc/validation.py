"""Validation of a document's data by pydantic models, every error said in the file's own terms."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .document import Location
from .problems import Problems, choices, did_you_mean, shown

M = TypeVar("M", bound=BaseModel)

_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "number": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "model": "a mapping of keys to values",
}
_KIND = re.compile(r"(?P<kind>[a-z]+)(?:_attributes)?(?:_type|_parsing|_from_float|_parsing_size)?")


def validate(
    model: type[M],
    data: Any,
    problems: Problems,
    location: Location = (),
    *,
    hints: dict[str, str] | None = None,
) -> M | None:
    """Make a model of the data at ``location`` of a document; None if it fails, and the problems are noted.

    ``hints`` says for an unknown key what to write in its place.
    """
    try:
        return model.model_validate(data)
    except ValidationError as failure:
        for error in failure.errors(include_url=False):
            _note(model, error, problems, location, hints or {})
        return None


def _note(
    model: type[BaseModel],
    error: ErrorDetails,
    problems: Problems,
    base: Location,
    hints: dict[str, str],
) -> None:
    steps = list(_walk(model, error["loc"]))
    location = (*base, *(step.part for step in steps if not step.is_tag))
    if error["type"] == "missing":
        problems.add(location[:-1], f"{location[-1]!r} is missing")
        return
    if error["type"] == "extra_forbidden":
        owner = steps[-2].annotation if len(steps) > 1 else model
        problems.add(location, _unknown(str(location[-1]), _model_of(owner), hints))
        return
    if problems.at(location):
        return
    field = next((step.field for step in reversed(steps) if step.field is not None), None)
    text = _explain(error, field)
    written = problems.document.written(location)
    if isinstance(written, str) and written != error["input"] and "${" in written:
        text += f" (from {shown(written)})"
    problems.add(location, text)


def _unknown(key: str, owner: type[BaseModel] | None, hints: dict[str, str]) -> str:
    if key in hints:
        return f"unknown key; {hints[key]}"
    known = sorted(fields_of(owner)) if owner else []
    hint = did_you_mean(key, known)
    return f"unknown key{hint}" if hint else f"unknown key; known are {', '.join(known)}"


def _explain(error: ErrorDetails, field: FieldInfo | None) -> str:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"must be {choices(allowed)}, not {shown(value)}{did_you_mean(value, allowed)}"
    if kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        return f"must be {_range(context, field)}, not {shown(value)}"
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters, not {len(value)}"
    if kind in ("empty", "too_short", "string_too_short"):
        return "must not be empty"
    if kind == "value_error":
        return str(context["error"])
    match = _KIND.fullmatch(kind)
    if match and match["kind"] in _KINDS:
        quotes = ": write it in quotes" if match["kind"] == "string" and isinstance(value, int | float) else ""
        return f"must be {_KINDS[match['kind']]}, not {shown(value)}{quotes}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, not {shown(value)}"


def _range(context: dict[str, Any], field: FieldInfo | None) -> str:
    bounds = dict(context)
    for item in (*field.metadata, *_metadata(field.annotation)) if field else ():
        for name in ("ge", "le", "gt", "lt"):
            if getattr(item, name, None) is not None:
                bounds[name] = getattr(item, name)
    if "ge" in bounds and "le" in bounds:
        return f"from {bounds['ge']:g} to {bounds['le']:g}"
    words = {"ge": "{:g} or more", "gt": "more than {:g}", "le": "{:g} or less", "lt": "less than {:g}"}
    return " and ".join(words[name].format(bounds[name]) for name in words if name in bounds)


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of an error's location: what stands there, and whether the file has that part at all."""

    part: int | str
    annotation: Any
    field: FieldInfo | None = None
    is_tag: bool = False


def _walk(annotation: Any, location: tuple[int | str, ...]) -> Iterator[_Step]:
    """The parts of an error's location with their annotations; a union's tag is a part that no file has."""
    for part in location:
        step = _step(annotation, part)
        annotation = step.annotation
        yield step


def _step(annotation: Any, part: int | str) -> _Step:
    for candidate in _candidates(annotation):
        tagged = _tagged(candidate).get(str(part))
        if tagged is not None:
            return _Step(part, tagged, is_tag=True)
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            field = fields_of(candidate).get(str(part))
            return _Step(part, field.annotation if field else None, field)
        if get_origin(candidate) in (list, tuple, dict):
            inner = [argument for argument in get_args(candidate) if argument is not Ellipsis]
            return _Step(part, inner[-1] if inner else None)
    return _Step(part, None)


def _candidates(annotation: Any) -> Iterator[Any]:
    """The annotation without wrappers; for a union, the union and then its members."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    yield annotation
    if get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _candidates(member)


def _metadata(annotation: Any) -> Iterator[Any]:
    """What is annotated on a type or on the members of a union."""
    if get_origin(annotation) is Annotated:
        for item in annotation.__metadata__:
            yield from item.metadata if isinstance(item, FieldInfo) else [item]
        yield from _metadata(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _metadata(member)


def _tagged(union: Any) -> dict[str, Any]:
    if get_origin(union) not in (Union, types.UnionType):
        return {}
    return {
        extra.tag: member
        for member in get_args(union)
        if get_origin(member) is Annotated
        for extra in member.__metadata__
        if isinstance(extra, Tag)
    }


def _model_of(annotation: Any) -> type[BaseModel] | None:
    for candidate in _candidates(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model under the keys that a file has."""
    return {info.alias or name: info for name, info in model.model_fields.items()}
