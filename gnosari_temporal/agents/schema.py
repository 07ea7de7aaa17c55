"""The JSON schema of team files, for editors that complete and check YAML while it is typed."""

from __future__ import annotations

from typing import Any

from .entries import TeamEntry
from .gnosari_keys import IGNORED

_DEFS = "#/$defs/"
_SECTIONS = {"agents": "AgentEntry", "knowledge": "KnowledgeEntry", "config": "ConfigEntry"}
_KEYWORDS = {
    "oneOf": "anyOf",
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
}
"""What pydantic calls otherwise; an entry of ``tools`` may look like both kinds of it."""
_LEFT_OUT = frozenset({"title", "default", "discriminator"})
_VARIABLE = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:[^}]*)?\}",
    "description": "${VAR} or ${VAR:default}, resolved when the file is loaded.",
}


def team_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12). It is a little stricter than loading: numbers are not written as text."""
    schema = TeamEntry.model_json_schema(by_alias=True, mode="validation", ref_template=_DEFS + "{model}")
    definitions: dict[str, Any] = schema.pop("$defs")
    for model in (schema, *definitions.values()):
        required = set(model.get("required", ()))
        model["properties"] = {
            key: _optional(_loosened(value), key in required) for key, value in model["properties"].items()
        }
        model.pop("title", None)
    for (*path, key), reason in IGNORED.items():
        owner = definitions[_SECTIONS[path[0]]] if path else schema
        owner["properties"][key] = {"description": f"{reason[0].upper()}{reason[1:]}.", "deprecated": True}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Gnosari team",
        **schema,
        "patternProperties": {"^x-": {"description": "Anything, for YAML aliases."}},
        "$defs": {**definitions, "Variable": _VARIABLE},
    }


def _loosened(value: Any) -> Any:
    """The schema of a key with ``${VAR}`` allowed where a number or one of a few words stands, and no titles."""
    if isinstance(value, list):
        return [_loosened(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {_KEYWORDS.get(key, key): _loosened(item) for key, item in value.items() if key not in _LEFT_OUT}
    if plain.get("type") in ("integer", "number", "boolean") or "enum" in plain or "pattern" in plain:
        described = {key: plain.pop(key) for key in ("description",) if key in plain}
        return {**described, "anyOf": [plain, {"$ref": f"{_DEFS}Variable"}]}
    if "anyOf" in plain:
        plain["anyOf"] = _flat(plain["anyOf"])
    return plain


def _flat(choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choices without choices inside, each once."""
    flat: list[dict[str, Any]] = []
    for choice in choices:
        for inner in choice.get("anyOf", [choice]):
            if inner not in flat:
                flat.append(inner)
    return flat


def _optional(value: dict[str, Any], required: bool) -> dict[str, Any]:
    """A key that may be left out may also stand without a value."""
    if required or {"type": "null"} in value.get("anyOf", ()):
        return value
    described = {key: value.pop(key) for key in ("description",) if key in value}
    return {**described, "anyOf": _flat([value, {"type": "null"}])}
