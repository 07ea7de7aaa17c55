"""The files of a code base that can hold Celery constructs, found and read but never run."""

from __future__ import annotations

import fnmatch
import io
import os
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ...errors import ProjectError

MAXIMUM_BYTES = 2_000_000
"""A larger file is data, not code: one of Python is a finding, others are left out."""

_SKIPPED_FOLDERS = frozenset(
    {
        *(".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".eggs", ".cache", ".idea", ".vscode"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache"),
        *("__pycache__", "__pypackages__", "node_modules", "site-packages"),
    }
)


class FileKind(Enum):
    """How a file is read."""

    PYTHON = "python"
    SHELL = "shell"
    DOCKERFILE = "dockerfile"
    YAML = "yaml"
    PROCFILE = "procfile"
    MAKEFILE = "makefile"
    INI = "ini"
    ENV = "env"
    REQUIREMENTS = "requirements"
    TOML = "toml"


_BY_NAME: tuple[tuple[str, FileKind], ...] = (
    (r".*\.pyi?", FileKind.PYTHON),
    (r"(.*\.)?dockerfile(\..*)?|containerfile", FileKind.DOCKERFILE),
    (r"procfile(\..*)?", FileKind.PROCFILE),
    (r"(gnu)?makefile|.*\.mk|justfile", FileKind.MAKEFILE),
    (r".*\.(sh|bash|zsh|ksh)", FileKind.SHELL),
    (r"pyproject\.toml|pipfile", FileKind.TOML),
    (r".*\.ya?ml", FileKind.YAML),
    (r"\.env(\..*)?|.*\.env(\.\w+)?|\.envrc|\.flaskenv", FileKind.ENV),
    (r"(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in)", FileKind.REQUIREMENTS),
    (r".*\.(ini|cfg|conf|service)", FileKind.INI),
)


@dataclass(frozen=True)
class Source:
    """One file: where it is, how it is read, and its text or why there is none."""

    path: Path
    name: str
    """Relative to what was analysed, with forward slashes."""
    kind: FileKind
    text: str = ""
    error: str = ""


def find_sources(root: Path, exclude: Sequence[str] = ()) -> list[Source]:
    """Every file under ``root`` that is worth reading, in the order of its name.

    ``root`` may be a single file. ``exclude`` are patterns (``fnmatch``) of relative names or of folders. Folders of
    version control, virtual environments, caches and installed packages are left out.

    Raises ``ProjectError`` if there is no such path, or if it is a file of a kind that is not read.
    """
    if not root.exists():
        raise ProjectError(f"{root}: no such file or folder; give the folder of the Celery code base")
    if root.is_file():
        kind = _kind(root)
        if kind is None:
            raise ProjectError(f"{root}: neither Python nor a deployment file; give the folder of the code base")
        return [_read(root, root.name, kind)]
    found = []
    for path in _walk(root, exclude):
        kind = _kind(path)
        if kind is FileKind.PYTHON or (kind is not None and not _is_large(path)):
            found.append(_read(path, path.relative_to(root).as_posix(), kind))
    return sorted(found, key=lambda source: source.name)


def _walk(root: Path, exclude: Sequence[str]) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED_FOLDERS
            and not name.endswith(".egg-info")
            and not (here / name / "pyvenv.cfg").exists()
            and not _excluded((here / name).relative_to(root).as_posix(), exclude)
        )
        for name in sorted(files):
            path = here / name
            if not _excluded(path.relative_to(root).as_posix(), exclude):
                yield path


def _excluded(name: str, patterns: Sequence[str]) -> bool:
    return any(
        fnmatch.fnmatch(name, pattern.rstrip("/")) or fnmatch.fnmatch(name.rsplit("/", 1)[-1], pattern.rstrip("/"))
        for pattern in patterns
    )


def _kind(path: Path) -> FileKind | None:
    name = path.name.lower()
    for pattern, kind in _BY_NAME:
        if re.fullmatch(pattern, name):
            return kind
    if path.parent.name == "requirements" and name.endswith((".txt", ".in")):
        return FileKind.REQUIREMENTS
    if "." not in name:
        return _kind_of_script(path)
    return None


def _kind_of_script(path: Path) -> FileKind | None:
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    if b"python" in first:
        return FileKind.PYTHON
    return FileKind.SHELL if re.search(rb"\b(ba|z|k|da)?sh\b", first) else None


def _is_large(path: Path) -> bool:
    try:
        return path.stat().st_size > MAXIMUM_BYTES
    except OSError:
        return False


def _read(path: Path, name: str, kind: FileKind) -> Source:
    if _is_large(path):
        return Source(path, name, kind, error=f"larger than {MAXIMUM_BYTES // 1_000_000} MB")
    try:
        data = path.read_bytes()
    except OSError as error:
        return Source(path, name, kind, error=error.strerror or str(error))
    try:
        if kind is FileKind.PYTHON:
            text = data.decode(tokenize.detect_encoding(io.BytesIO(data).readline)[0])
        else:
            text = data.decode(errors="replace")
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return Source(path, name, kind, error=f"no readable text: {error}")
    return Source(path, name, kind, text=text.removeprefix("\ufeff").replace("\r\n", "\n"))
