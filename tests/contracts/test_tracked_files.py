"""What no tracked file may hold: addresses of package registries, and paths of one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

FORBIDDEN = {
    "a package registry": re.compile(r"https?://[^\s\"']*(?:pypi\.or[g]|pythonhosted|npmjs|deb\.debian)"),
    "a directory of one machine": re.compile(r"(?<![\w.$}])/(?:work|farm|root|home)/[a-z]"),
}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    try:
        found = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [REPOSITORY / name for name in found.stdout.split("\0") if name]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what: str, tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        found += [
            f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(lines, 1)
            if FORBIDDEN[what].search(line)
        ]

    assert found == []
