"""The reference of team files: its examples load, and it has every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gnosari_temporal.agents import parse_team
from gnosari_temporal.agents.gnosari_keys import IGNORED
from gnosari_temporal.agents.schema import team_schema
from gnosari_temporal.tools.modules import BUILTIN

PAGE = Path(__file__).parents[3] / "docs" / "team-yaml.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.S | re.M)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads_without_warning(example: str) -> None:
    assert parse_team(example, "team-yaml.md", {}).warnings == ()


def test_every_key_is_in_the_reference() -> None:
    schema = team_schema()
    keys = {key for model in (schema, *schema["$defs"].values()) for key in model.get("properties", {})}
    named = set(re.findall(r"`([a-z_]+)`", TEXT))
    assert keys - named - {"cronjobs"} == set()


def test_every_builtin_tool_and_ignored_key_is_in_the_reference() -> None:
    named = set(re.findall(r"`([a-z_]+)`", TEXT))
    assert set(BUILTIN) <= named
    assert {pattern[-1] for pattern in IGNORED} - {"cronjobs"} <= named


def test_every_link_within_the_page_has_a_heading() -> None:
    headings = {
        re.sub(r"[^a-z0-9-]", "", line.lower().replace(" ", "-")) for line in re.findall(r"^#+ (.*)$", TEXT, re.M)
    }
    assert set(re.findall(r"\]\(#([a-z-]+)\)", TEXT)) <= headings
