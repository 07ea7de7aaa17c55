"""The migration document lists every program whose outcome is another here, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from .backend import load_programs

PAGE = Path(__file__).parents[2] / "docs" / "migrating-from-celery.md"


def test_the_document_lists_the_programs_that_differ() -> None:
    section = PAGE.read_text(encoding="utf-8").split("| program | on Celery | here | why |")[1].split("\n\n")[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert listed == [name for name, program in load_programs().items() if hasattr(program, "HERE")]


def test_every_program_says_what_it_shows() -> None:
    assert [name for name, program in load_programs().items() if not (program.__doc__ or "").strip()] == []
