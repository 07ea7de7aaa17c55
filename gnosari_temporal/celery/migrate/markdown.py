"""The tables of ``docs/migrating-from-celery.md`` that are made from the rules.

``python -m gnosari_temporal.celery.migrate.markdown docs/migrating-from-celery.md`` writes them anew between their
marks; a test fails where page and rules differ.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from .imports import EXTENSIONS
from .rules import SECTIONS, Rule


def constructs() -> str:
    """One table for each section of the rules: construct, what it looks like, verdict, what happens here."""
    return "\n\n".join(f"### {title}\n\n{_table(rules)}" for title, rules in SECTIONS.items())


def extensions() -> str:
    """The table of Celery's extensions and what to do about each."""
    rows = (f"| `{name}` | {_cell(remedy)} |" for name, remedy in sorted(EXTENSIONS.items()))
    return "\n".join(("| package | instead |", "|---|---|", *rows))


def renewed(page: str) -> str:
    """The page with its tables made anew. Raises ``ValueError`` if a mark is not in it."""
    for name, text in (("constructs", constructs()), ("extensions", extensions())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if begin not in page or end not in page:
            raise ValueError(f"the page has no marks {begin} and {end}: put them where the table belongs")
        page = re.sub(rf"{begin}.*{end}", lambda _, b=begin, t=text, e=end: f"{b}\n{t}\n{e}", page, flags=re.DOTALL)  # type: ignore[misc]
    return page


def _table(rules: Iterable[Rule]) -> str:
    head = ("| construct | looks like | verdict | what happens here, and the remedy |", "|---|---|---|---|")
    return "\n".join((*head, *map(_row, rules)))


def _row(rule: Rule) -> str:
    said = f"{rule.text} **→** {rule.remedy}" if rule.remedy else rule.text
    return f"| {rule.id} | {_cell(rule.matches)} | {rule.verdict.value} | {_cell(said)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
