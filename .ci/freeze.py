"""Print the versions that are installed here of everything the project depends on, for constraints.txt."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "gnosari-temporal"
TESTED = ("3.11", "3.12", "3.13")


def closure(requirement: Requirement, found: dict[str, str], seen: set[tuple[str, str]]) -> None:
    """Add the version of a requirement and of all that it requires, on any Python that is tested."""
    name = canonicalize_name(requirement.name)
    extras = requirement.extras or {""}
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return
    if name != PROJECT:
        found[name] = installed.version
    for extra in {"", *extras}:
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for text in installed.requires or []:
            needed = Requirement(text)
            marker = needed.marker
            versions = [{"extra": extra, "python_version": v, "python_full_version": f"{v}.9"} for v in TESTED]
            if marker is None or any(marker.evaluate(environment) for environment in versions):
                closure(needed, found, seen)


def main() -> None:
    """Print one pin a line."""
    found: dict[str, str] = {}
    closure(Requirement(f"{PROJECT}[dev]"), found, set())
    closure(Requirement("hatchling"), found, set())
    print("# What was tested, on Python 3.11 to 3.13. Written by `make constraints`.")
    for name in sorted(found):
        print(f"{name}=={found[name]}")
    print(f"{len(found)} pins", file=sys.stderr)


if __name__ == "__main__":
    main()
