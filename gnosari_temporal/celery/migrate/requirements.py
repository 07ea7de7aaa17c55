"""Requirements of a project: which of them belong to Celery."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .imports import extension_remedy
from .modules import Module
from .recorder import Recorder
from .rules import rule_for
from .sources import FileKind, Source

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_SPECIFIED = re.compile(r"\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*([<>=!~;@,#].*|\([^)]*\).*|\*)?\s*")


@dataclass(frozen=True)
class Requirement:
    """A package that a project asks for: its normalised name, and where it stands."""

    path: str
    line: int
    column: int
    name: str


def requirement_name(text: str) -> str:
    """The normalised name of a requirement (``Celery[redis]>=5`` is ``celery``); empty if the text is none."""
    match = _NAME.match(text)
    if match is None or _SPECIFIED.fullmatch(text) is None:
        return ""
    return re.sub(r"[-_.]+", "-", match[1]).lower()


def record_requirements(found: Iterable[Requirement], recorder: Recorder) -> None:
    """Records the requirements that belong to Celery; Redis and its like only where Celery is used at all."""
    found = list(found)
    uses_celery = bool(recorder.findings) or any(requirement.name == "celery" for requirement in found)
    for requirement in found:
        matching = rule_for(f"requirement:{requirement.name}")
        if matching is None or (matching.id == "requirement.unneeded" and not uses_celery):
            continue
        is_extension = matching.id == "requirement.extension"
        recorder.at(
            requirement.path,
            requirement.line,
            requirement.column,
            matching,
            text=f"`{requirement.name}`: {matching.text}",
            remedy=extension_remedy(requirement.name) if is_extension else None,
        )


def requirements_in(source: Source) -> Iterator[Requirement]:
    """The requirements in a requirements file, ``pyproject.toml``, ``Pipfile`` or ``setup.cfg``."""
    if source.kind is FileKind.REQUIREMENTS:
        for number, text in enumerate(source.text.split("\n"), 1):
            name = requirement_name(text.partition(" #")[0].partition(" --")[0].rstrip("\\ "))
            if name:
                yield Requirement(source.name, number, len(text) - len(text.lstrip()) + 1, name)
    elif source.kind is FileKind.TOML:
        yield from _toml(source)
    elif source.kind is FileKind.INI and source.path.name in ("setup.cfg", "tox.ini"):
        yield from _ini(source)


def _toml(source: Source) -> Iterator[Requirement]:
    try:
        declared = set(_declared(tomllib.loads(source.text)))
    except tomllib.TOMLDecodeError:
        return
    for number, text in enumerate(source.text.split("\n"), 1):
        key = re.match(r"\s*[\"']?([A-Za-z0-9._-]+)[\"']?\s*=", text)
        quoted = [(match[1], match.start(1)) for match in re.finditer(r"[\"']([^\"']+)[\"']", text)]
        for written, column in [(key[1], key.start(1))] if key and "[" not in text[: key.end()] else []:
            quoted.insert(0, (written, column))
        for written, column in quoted:
            name = requirement_name(written)
            if name in declared:
                yield Requirement(source.name, number, column + 1, name)


def _declared(data: dict[str, Any]) -> Iterator[str]:
    """The names of all packages that a ``pyproject.toml`` or ``Pipfile`` asks for."""
    project, tool = data.get("project", {}), data.get("tool", {})
    texts = list(project.get("dependencies", ()))
    for extra in project.get("optional-dependencies", {}).values():
        texts += extra
    for group in data.get("dependency-groups", {}).values():
        texts += [entry for entry in group if isinstance(entry, str)]
    poetry = tool.get("poetry", {})
    groups = [group.get("dependencies", {}) for group in poetry.get("group", {}).values()]
    for table in (
        poetry.get("dependencies", {}),
        poetry.get("dev-dependencies", {}),
        *groups,
        data.get("packages", {}),
        data.get("dev-packages", {}),
    ):
        texts += list(table)
    for text in texts:
        yield requirement_name(str(text))


def _ini(source: Source) -> Iterator[Requirement]:
    section = ""
    inside = False
    for number, text in enumerate(source.text.split("\n"), 1):
        header = re.match(r"\[(.+)\]", text)
        if header is not None:
            section, inside = header[1], section == "options.extras_require"
            continue
        entry = re.match(r"(\w+)\s*=\s*(.*)", text)
        if entry is not None:
            inside = entry[1] in ("install_requires", "deps", "tests_require") or section == "options.extras_require"
            text, column = entry[2], entry.start(2)
        else:
            column = len(text) - len(text.lstrip())
        name = requirement_name(text) if inside else ""
        if name:
            yield Requirement(source.name, number, column + 1, name)


def requirements_of_setup(module: Module) -> Iterator[Requirement]:
    """The requirements that a ``setup.py`` hands to ``setup``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.keyword) and node.arg in ("install_requires", "extras_require", "tests_require"):
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    name = requirement_name(part.value)
                    if name:
                        yield Requirement(module.source.name, part.lineno, part.col_offset + 1, name)
