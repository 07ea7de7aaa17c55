"""The documents: links lead somewhere, and the README names every document."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])

_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
_CODE = re.compile(r"^```.*?^```|^    .*?$|`[^`\n]*`(?!\])", re.MULTILINE | re.DOTALL)


def links(document: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", document.read_text(encoding="utf-8")))


def test_every_relative_link_leads_to_a_file() -> None:
    broken = [
        f"{document.relative_to(REPOSITORY)}: {link}"
        for document in DOCUMENTS
        for link in links(document)
        if not (document.parent / link).exists()
    ]

    assert broken == []


def test_the_readme_leads_to_every_document() -> None:
    named = {(REPOSITORY / link).resolve() for link in links(REPOSITORY / "README.md")}

    missing = [document.relative_to(REPOSITORY).as_posix() for document in DOCUMENTS if document not in named]

    assert missing == ["README.md"]


def test_the_glossary_explains_every_word_once() -> None:
    text = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = [word for word in re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE) if word not in ("word", "---")]

    assert len(words) > 50
    assert sorted(words) == sorted(set(words))
