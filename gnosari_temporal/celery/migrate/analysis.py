"""The analysis of a whole code base: ``analyse`` reads every file and gives the report."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .context import Context
from .deployment import scan
from .findings import Report
from .inference import Inference
from .modules import CodeBase, Module, parse
from .python import ModuleAnalysis
from .recorder import Recorder
from .requirements import Requirement, record_requirements, requirements_in, requirements_of_setup
from .sources import FileKind, Source, find_sources
from .yaml_files import scan_yaml

_CELERY_STYLE = re.compile(r"gnosari_priority_style[\"']?\s*(?::\s*\w+\s*)?[=:]\s*[\"']celery[\"']", re.IGNORECASE)
_GNOSARI_PRIORITIES = range(1, 11)
_CELERY_PRIORITIES = range(10)


def analyse(path: str | Path, *, exclude: Sequence[str] = ()) -> Report:
    """Finds every Celery construct under a folder (or in one file), without running anything of it.

    ``exclude`` are patterns of file or folder names to leave out. Files that cannot be read or parsed are findings.

    Raises ``ProjectError`` if there is no such path.
    """
    root = Path(path)
    sources = find_sources(root, exclude)
    modules, unread = _parsed(sources)
    code_base = CodeBase(modules)
    recorder = Recorder(code_base.app_module)
    for source, line, column, id, text in unread:
        recorder.at(source.name, line, column, id, text=f"{text}. Nothing in it was looked at.")
    context = Context(
        Inference(code_base),
        recorder,
        _assigned_attributes(modules),
        _CELERY_PRIORITIES if any(_CELERY_STYLE.search(source.text) for source in sources) else _GNOSARI_PRIORITIES,
    )
    for module in modules:
        ModuleAnalysis(module, context).run()
    requirements: list[Requirement] = []
    for module in modules:
        if module.source.path.name == "setup.py":
            requirements += requirements_of_setup(module)
    for source in sources:
        requirements += _scan(source, recorder)
    record_requirements(requirements, recorder)
    return Report(str(path), len(sources), recorder.findings)


def _parsed(sources: Iterable[Source]) -> tuple[list[Module], list[tuple[Source, int, int, str, str]]]:
    """The modules, and which files could not be read: with line, column, construct and reason."""
    modules, unread = [], []
    version = ".".join(map(str, sys.version_info[:2]))
    for source in sources:
        if source.error:
            unread.append((source, 1, 1, "file.unreadable", source.error))
        elif source.kind is FileKind.PYTHON:
            try:
                modules.append(parse(source))
            except SyntaxError as error:
                text = f"Python {version} says: {error.msg}"
                unread.append((source, error.lineno or 1, max(error.offset or 1, 1), "file.syntax", text))
    return modules, unread


def _scan(source: Source, recorder: Recorder) -> Iterable[Requirement]:
    if source.kind is FileKind.PYTHON or source.error:
        return ()
    if source.kind is FileKind.YAML:
        return scan_yaml(source, recorder)
    scan(source, recorder)
    return requirements_in(source)


def _assigned_attributes(modules: Iterable[Module]) -> frozenset[str]:
    return frozenset(
        node.attr
        for module in modules
        for node, _ in module.nodes
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )
