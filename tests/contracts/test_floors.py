"""A module imports only what stands on its own floor or below (the table in ``docs/architecture.md``)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import gnosari_temporal

PACKAGE = Path(gnosari_temporal.__file__).parent

FLOORS: dict[str, int] = {
    "errors": 0,
    "durations": 1,
    "messages": 1,
    "settings": 1,
    "yamldoc": 1,
    "consumers": 2,
    "retry": 2,
    "routing": 2,
    "registry": 3,
    "execution": 4,
    "tools": 5,
    "agents": 6,
    "client": 7,
    "server": 7,
    "worker": 7,
    "blocking": 8,
    "celery": 8,
    "cli": 9,
    "testing": 9,
}
NOT_CODE = {"templates"}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package: the part of the floor table it belongs to, and its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part not in NOT_CODE and path.parent.name != "__pycache__" and part != "__init__":
            yield part, path


@cache
def imported_parts(path: Path) -> tuple[tuple[str, int], ...]:
    """What a module imports of the package, wherever in the file: part of the floor table and line."""
    return tuple(_imported_parts(path))


def _imported_parts(path: Path) -> Iterator[tuple[str, int]]:
    own = [PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = own[: len(own) - node.level] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            # `from .. import output` names a module itself
            targets = [[*module, alias.name] for alias in node.names] if len(module) == 1 else [module]
        else:
            continue
        for target in targets:
            if target[0] == PACKAGE.name and len(target) > 1:
                yield target[1], node.lineno


def test_every_module_stands_on_a_floor() -> None:
    assert {part for part, _ in modules()} <= set(FLOORS)


def test_no_module_imports_from_a_floor_above_not_even_in_a_function() -> None:
    upward = [
        f"{path.relative_to(PACKAGE)}:{line} (floor {FLOORS[part]}) imports {target} (floor {FLOORS[target]})"
        for part, path in modules()
        for target, line in imported_parts(path)
        if target in FLOORS and FLOORS[target] > FLOORS[part]
    ]

    assert upward == []


def test_what_is_imported_by_a_name_of_the_package_itself_is_known() -> None:
    """``from gnosari_temporal import X`` inside the package would hide which floor X stands on."""
    hidden = [
        f"{path.relative_to(PACKAGE)}:{line} imports {target}"
        for part, path in modules()
        for target, line in imported_parts(path)
        if target not in FLOORS and target not in {"__version__"}
    ]

    assert hidden == []


def test_parts_on_the_same_floor_do_not_import_in_a_circle() -> None:
    graph: dict[str, set[str]] = {part: set() for part in FLOORS}
    for part, path in modules():
        graph[part] |= {target for target, _ in imported_parts(path) if target != part and target in FLOORS}

    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = error.args[1]
    else:
        circle = []
    assert circle == []
