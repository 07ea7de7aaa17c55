"""Collects findings: looks the rule up, works out line and column, drops what was found already."""

from __future__ import annotations

import ast
from collections.abc import Callable

from .commands import Command
from .findings import Finding
from .modules import Module
from .rules import Rule, rule


class Recorder:
    """The findings of one analysis. ``module_of`` gives the module with the app that ``celery -A`` names."""

    def __init__(self, module_of: Callable[[str], str] = str) -> None:
        self._module_of = module_of
        self._found: dict[tuple[str, int, int, str], Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(sorted(self._found.values()))

    def at(
        self,
        path: str,
        line: int,
        column: int,
        found: Rule | str,
        *,
        text: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Records a construct at a place of a file; text and remedy are the rule's unless given."""
        the_rule = rule(found) if isinstance(found, str) else found
        finding = Finding(
            path,
            line,
            column,
            the_rule.id,
            the_rule.verdict,
            the_rule.text if text is None else text,
            the_rule.remedy if remedy is None else remedy,
        )
        self._found.setdefault((path, line, column, the_rule.id), finding)

    def command(self, path: str, line: int, column: int, command: Command) -> None:
        """Records a command line at a place of a file."""
        self.at(path, line, column, command.rule, remedy=self.remedy_of(command))

    def remedy_of(self, command: Command) -> str:
        """What takes the place of a command line in this code base."""
        if not command.app:
            return command.remedy
        return command.remedy.replace(f"--module {command.app}", f"--module {self._module_of(command.app)}")

    def node(
        self, module: Module, node: ast.AST, found: Rule | str, *, text: str | None = None, remedy: str | None = None
    ) -> None:
        """Records a construct at a node of a module; of an attribute, where its own name stands."""
        line, offset = _position(node)
        column = offset
        if 0 < line <= len(module.lines):
            column = len(module.lines[line - 1].encode()[:offset].decode(errors="ignore"))
        self.at(module.source.name, line, column + 1, found, text=text, remedy=remedy)


def _position(node: ast.AST) -> tuple[int, int]:
    if isinstance(node, ast.Attribute) and node.end_lineno is not None and node.end_col_offset is not None:
        return node.end_lineno, node.end_col_offset - len(node.attr.encode())
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
