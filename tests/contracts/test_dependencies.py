"""Every dependency is declared, and ``docs/dependencies.md`` says why it is there."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

COMES_WITH = {"pydantic-core": "pydantic"}
"""A part of another dependency, which pins it exactly."""


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements} - {PROJECT["name"]}


DECLARED = names(PROJECT["dependencies"])
EXTRAS = {extra: names(requirements) for extra, requirements in PROJECT["optional-dependencies"].items()}


def test_every_dependency_has_its_line_in_the_documentation() -> None:
    # given
    text = (REPOSITORY / "docs" / "dependencies.md").read_text(encoding="utf-8")
    documented = {canonicalize_name(name) for name in re.findall(r"^\| `([A-Za-z0-9_.-]+)", text, re.MULTILINE)}

    # then
    assert documented == DECLARED.union(*EXTRAS.values())


def test_what_the_engine_imports_is_declared() -> None:
    # given
    provided = packages_distributions()
    allowed = DECLARED.union(*(EXTRAS[extra] for extra in EXTRAS if extra != "dev"))
    in_the_plugin = allowed | {"pytest", "pytest-asyncio"}  # it is pytest that loads it

    # when
    undeclared = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path in (REPOSITORY / "gnosari_temporal").rglob("*.py")
        if "templates" not in path.parts
        for name in imported(path)
        if name not in sys.stdlib_module_names
        and name != "gnosari_temporal"
        and not {distribution(found) for found in provided.get(name, [name])}
        & (in_the_plugin if path.name == "plugin.py" else allowed)
    }

    # then
    assert undeclared == set()


def test_the_constraints_pin_every_dependency_to_a_version_that_is_declared() -> None:
    # given
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {r.name: r for r in (Requirement(line) for line in lines if line and not line.startswith("#"))}
    requirements = [
        Requirement(text)
        for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
        for text in texts
    ]

    # then
    for requirement in requirements:
        if requirement.name != PROJECT["name"]:
            pin = pins[canonicalize_name(requirement.name)]
            version = str(pin.specifier).removeprefix("==")
            assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"


def distribution(name: str) -> str:
    canonical = canonicalize_name(name)
    return COMES_WITH.get(canonical, canonical)


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found
