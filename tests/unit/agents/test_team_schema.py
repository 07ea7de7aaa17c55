"""The JSON schema from which editors complete team files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gnosari_temporal.agents import parse_team
from gnosari_temporal.agents.schema import team_schema
from gnosari_temporal.errors import TeamError

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "schema" / "team.schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return loaded


def test_the_schema_file_is_current(schema: dict[str, Any]) -> None:
    assert schema == team_schema(), "run python scripts/write_team_schema.py"


def test_the_schema_is_a_valid_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    bare = [
        f"{name}.{key}"
        for name, model in {"": schema, **schema["$defs"]}.items()
        for key, value in model.get("properties", {}).items()
        if "description" not in value and not any("$ref" in choice for choice in value.get("anyOf", ()))
    ]
    assert bare == []


GOOD = """
name: ${TEAM:Studio}
config: {max_turns: '${TURNS:5}', timeout: 10m, on_outstanding: wait, prices: {gpt-4o: {input: 1, output: 2.5}}}
x-shared: {anything: [1]}
human_supervision: {enabled: true}
tools:
  - {name: api_request}
  - {name: F, id: f, module: a.b, class: C, args: {x: null}, mode: async, priority: 2, retry: {max_retries: 2}}
  - {name: S, command: npx, args: [-y, 1]}
mcp_servers: [{name: M, url: 'https://x', headers: {A: 'Bearer ${T}'}}]
knowledge: [{name: K, type: text, data: x}, {name: L, type: directory, data: [a, b]}]
agents:
  - name: A
    instructions: x
    temperature: 0.5
    orchestrator: true
    tools: [f, S, M]
    delegation: [B, {agent: C, mode: sync, approval: {timeout: 60}}]
    can_transfer_to: [B]
  - {name: B, instructions: x}
  - {name: C, instructions: x, model:}
"""


def test_what_the_schema_takes_loads(schema: dict[str, Any]) -> None:
    jsonschema.validate(yaml.safe_load(GOOD), schema)
    parse_team(GOOD, "t.yaml", {})


@pytest.mark.parametrize(
    "text",
    [
        "agnets: []",
        "agents: [{name: A, tols: []}]",
        "agents: [{name: A, temperature: 3}]",
        "agents: [{name: A, max_turns: many}]",
        "agents: [{name: A, delegation: [{agent: B, mode: later}]}]",
        "tools: [{name: bash, priority: 11}]",
        "tools: [{name: bash, mode: asynch}]",
        "tools: [{name: bash, timeout: soon}]",
        "tools: [{id: x}]",
        "tools: [{name: S, url: x, connection_type: http}]",
        "config: {on_outstanding: stop}",
        "knowledge: [{name: K, type: texts, data: x}]",
        "- A",
    ],
)
def test_what_the_schema_refuses_does_not_load(schema: dict[str, Any], text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema)
    with pytest.raises(TeamError):
        parse_team(text, "t.yaml", {})
