"""The environment is read in one place, ``gnosari_temporal/settings/``: ``gnosari doctor`` can tell all of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gnosari_temporal

PACKAGE = Path(gnosari_temporal.__file__).parent
READERS = {"environ", "environb", "getenv", "getenvb"}


def uses_of_the_environment(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr in READERS:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if alias.name in READERS)


def test_the_settings_alone_read_the_environment() -> None:
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "templates" not in path.parts and list(uses_of_the_environment(path))
    }

    assert readers == {"settings/environment.py", "settings/expansion.py"}
