"""The scaffold: the files of a new project, which the package carries with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ProjectError

_PACKAGE = Path(__file__).resolve().parent.parent
_TEMPLATES = _PACKAGE / "templates"
_NAME = "PROJECT_NAME"
_DOTTED = {"env.example": ".env.example", "gitignore": ".gitignore"}
"""Files that would count in this repository if they had their name here."""
_IGNORED = {".git"}


@dataclass(frozen=True)
class Written:
    """What writing a project did."""

    directory: Path
    created: tuple[str, ...]
    kept: tuple[str, ...]
    """Files that were there and stayed as they were."""


def write_project(directory: Path, *, force: bool = False) -> Written:
    """Write a new project; ``force`` adds what is missing to a directory that has files, and changes none of them.

    Raises:
        ProjectError: the directory has files and there is no ``force``, or it cannot be written.
    """
    target = directory.resolve()
    try:
        _check_room(target, force)
        created, kept = [], []
        for name, source in sorted(_files()):
            path = target / name
            if path.exists():
                kept.append(name)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source.read_text(encoding="utf-8").replace(_NAME, target.name), encoding="utf-8")
            created.append(name)
    except OSError as error:
        raise ProjectError(f"{error.filename or target} cannot be written: {error.strerror}") from error
    return Written(target, tuple(created), tuple(kept))


def application_folder(name: str) -> Path:
    """The folder ``workflows`` or ``activities`` of the template application."""
    packed = _TEMPLATES / name
    # In a checkout they are not copied into the package: they stand beside it, and the wheel is made from them.
    return packed if packed.is_dir() else _PACKAGE.parent / name


def _files() -> Iterator[tuple[str, Path]]:
    project = _TEMPLATES / "project"
    for root in (project, application_folder("workflows"), application_folder("activities")):
        for path in root.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(project if root == project else root.parent).as_posix()
                yield _DOTTED.get(name, name), path


def _check_room(target: Path, force: bool) -> None:
    if target.exists() and not target.is_dir():
        raise ProjectError(f"{target} is a file: name a directory that is empty or not there yet")
    there = sorted(path.name for path in target.iterdir() if path.name not in _IGNORED) if target.is_dir() else []
    if there and not force:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise ProjectError(
            f"{target} is not empty ({there[0]}{more}): name another directory, "
            "or add only the files that are missing with --force"
        )
