"""``docs/migrating-from-celery.md`` says what ``gnosari migrate`` says."""

from __future__ import annotations

import re
from pathlib import Path

from gnosari_temporal.celery.migrate import RULES, Verdict
from gnosari_temporal.celery.migrate.imports import EXTENSIONS
from gnosari_temporal.celery.migrate.markdown import renewed
from gnosari_temporal.celery.migrate.rules import BY_ID
from gnosari_temporal.cli.migrate import migrate

PAGE = Path(__file__).parents[2] / "docs" / "migrating-from-celery.md"
REMEDY = f"python -m gnosari_temporal.celery.migrate.markdown docs/{PAGE.name} writes the tables anew"


def test_the_tables_of_the_page_are_those_of_the_program() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert renewed(page) == page, REMEDY


def test_every_construct_is_in_the_page_once_with_its_verdict() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w.-]+) \| .+ \| (as-is|changed-import|does-not-run) \| .+ \|$", page, re.MULTILINE)

    assert sorted(rows) == sorted((rule.id, rule.verdict.value) for rule in RULES)
    assert len(rows) > 30


def test_the_page_and_the_commands_help_name_the_same_exit_codes() -> None:
    codes = " ".join((migrate.help or "").split("Exit codes:")[1].split())
    section = PAGE.read_text(encoding="utf-8").split("| exit code | means |")[1].split("\n\n")[0]

    assert re.findall(r"^\| (\d) \|", section, re.MULTILINE) == ["0", "1", "2"]
    assert re.findall(r"(?:^|; )(\d) ", codes) == ["0", "1", "2"]


def test_the_page_explains_every_verdict() -> None:
    section = PAGE.read_text(encoding="utf-8").split("| verdict | means |")[1].split("\n\n")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == [verdict.value for verdict in Verdict]


def test_every_extension_that_a_rule_names_has_its_line() -> None:
    keys = BY_ID["import.extension"].keys
    packages = {key.removeprefix("name:").rstrip("*").split(".")[0] for key in keys}

    assert packages == EXTENSIONS.keys()
