"""Print the versions that are installed here of everything the project depends on, for constraints.txt."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
TESTED = ("3.11", "3.12", "3.13")


def add(requirement: Requirement, found: dict[str, str], seen: set[tuple[str, str]]) -> None:
    """Add the version of a requirement and of all that it requires, on any Python that is tested."""
    name = canonicalize_name(requirement.name)
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return  # not for this Python, or of an extra that is not installed
    found[name] = installed.version
    for extra in {"", *requirement.extras}:
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for needed in map(Requirement, installed.requires or []):
            environments = [
                {"extra": extra, "python_version": version, "python_full_version": f"{version}.9"} for version in TESTED
            ]
            if needed.marker is None or any(needed.marker.evaluate(environment) for environment in environments):
                add(needed, found, seen)


def main() -> None:
    """Print one pin a line."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for requirements in (project["dependencies"], *project["optional-dependencies"].values()):
        for requirement in map(Requirement, requirements):
            if requirement.name != project["name"]:
                add(requirement, found, seen)
    print("# What was tested, on Python 3.11 to 3.13. Written by `make constraints`.")
    for name in sorted(found):
        print(f"{name}=={found[name]}")
    print(f"{len(found)} pins", file=sys.stderr)


if __name__ == "__main__":
    main()
