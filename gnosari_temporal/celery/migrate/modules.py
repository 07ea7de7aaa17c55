"""The Python modules of a code base, and which of them an import means."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .scopes import Scope, build_scopes
from .sources import Source

_NEVER_LOCAL = frozenset({"celery", "kombu", "gnosari_temporal"}) | sys.stdlib_module_names


@dataclass(eq=False)
class Module:
    """One parsed Python file. ``parts`` are the components of its absolute path, without ``.py`` and ``__init__``."""

    source: Source
    tree: ast.Module
    parts: tuple[str, ...]
    is_package: bool
    scope: Scope = field(init=False)
    nodes: list[tuple[ast.AST, Scope]] = field(init=False)
    """Every node in the order of the text, with the scope it stands in."""
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.scope, self.nodes = build_scopes(self, self.tree)
        self.lines = self.source.text.split("\n")

    @property
    def package(self) -> tuple[str, ...]:
        return self.parts if self.is_package else self.parts[:-1]


def parse(source: Source) -> Module:
    """The module of a Python file. Raises ``SyntaxError`` with the line if it cannot be parsed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source.text, filename=source.name)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or type(error).__name__) from error
    path = source.path.resolve()
    is_package = path.stem == "__init__"
    parts = path.parent.parts if is_package else (*path.parent.parts, path.stem)
    return Module(source, tree, parts, is_package)


class CodeBase:
    """All modules, found by the dotted names that imports use.

    Where packages begin is not known, so a dotted name means the module whose path ends in it; of several, the one
    that shares most of its path with the module that imports.
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = tuple(modules)
        self._by_parts = {module.parts: module for module in self.modules}
        self._by_last: dict[str, list[Module]] = {}
        for module in self.modules:
            self._by_last.setdefault(module.parts[-1], []).append(module)
        self.root = Path(*_common([module.package for module in self.modules])) if self.modules else Path()

    def absolute(self, dotted: str, importer: Module) -> Module | None:
        """The module that ``import dotted`` means in ``importer``, if it is one of the code base."""
        wanted = tuple(dotted.split("."))
        if wanted[0] in _NEVER_LOCAL:
            return None
        candidates = [module for module in self._by_last.get(wanted[-1], ()) if module.parts[-len(wanted) :] == wanted]
        if len(wanted) == 1:
            candidates = [module for module in candidates if self._is_importable(module, importer)]
        return max(candidates, key=lambda module: len(_common([module.parts, importer.parts])), default=None)

    def relative(self, level: int, dotted: str, importer: Module) -> Module | None:
        """The module that ``from ..dotted`` means in ``importer``, if it is one of the code base."""
        return self._by_parts.get(self.relative_parts(level, dotted, importer))

    def child(self, parent: Module, name: str) -> Module | None:
        """The submodule of a package."""
        return self._by_parts.get((*parent.package, name)) if parent.is_package else None

    def sibling(self, parts: tuple[str, ...]) -> Module | None:
        """The module at exactly this path."""
        return self._by_parts.get(parts)

    def relative_parts(self, level: int, dotted: str, importer: Module) -> tuple[str, ...]:
        """The path that ``from ..dotted`` means in ``importer``."""
        package = importer.package
        base = package[: len(package) - (level - 1)]
        return (*base, *dotted.split(".")) if dotted else base

    def app_module(self, app: str) -> str:
        """The module that has the app which ``celery -A`` names: the package's ``celery`` module, if there is one."""
        wanted = (*app.split("."), "celery")
        found = any(module.parts[-len(wanted) :] == wanted for module in self._by_last.get("celery", ()))
        return f"{app}.celery" if found else app

    def _is_importable(self, module: Module, importer: Module) -> bool:
        """Whether a name of one component can mean this module: it stands beside the importer or above it."""
        folder = module.parts[:-1]
        return importer.parts[: len(folder)] == folder or len(folder) <= len(self.root.parts) + 1


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    first, last = min(paths), max(paths)
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    return first[:shared]
