"""Where a tool's class is: Gnosari's module paths, and the builtin tools by name."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Final

from .allowlist import BUILTIN_PACKAGE

BUILTIN: Final[dict[str, tuple[str, str]]] = {
    name: (f"{BUILTIN_PACKAGE}.{module}", class_name)
    for name, module, class_name in (
        ("api_request", "api_request", "APIRequestTool"),
        ("bash", "bash", "BashTool"),
        ("bash_operations", "bash_operations", "BashOperationsTool"),
        ("delegate_agent", "delegation", "DelegateAgentTool"),
        ("file_operations", "file_operations", "FileOperationsTool"),
        ("interactive_bash_operations", "interactive_bash_operations", "InteractiveBashOperationsTool"),
        ("knowledge_query", "knowledge_query", "KnowledgeQueryTool"),
        ("mysql_query", "mysql_query", "MySQLQueryTool"),
        ("sql_query", "sql_query", "SQLQueryTool"),
        ("website_content", "website_content", "WebsiteContentTool"),
    )
}
"""The builtin tools by the name that an agent gives: module and class."""

_RENAMED = {
    "knowledge": "knowledge_query",
    "delegate_agent": "delegation",
    "interactive_bash": "interactive_bash_operations",
}
"""Modules that Gnosari or its documents call otherwise."""

_GNOSARI = re.compile(r"gnosari\.tools\.(?:builtin\.)?(?P<leaf>[A-Za-z_]\w*)", re.ASCII)


def resolve_module(module: str) -> str:
    """The module that a team file or a message means.

    ``gnosari.tools.builtin.X`` and ``gnosari.tools.X`` are our ``X`` where the Gnosari package is not
    installed; where it is, its own (``gnosari.tools.X`` is then ``gnosari.tools.builtin.X`` if only that
    exists). Every other path is what it says. Nothing is imported.
    """
    if module in ("gnosari.tools", "gnosari.tools.builtin"):
        return module if _exists(module) else BUILTIN_PACKAGE
    match = _GNOSARI.fullmatch(module)
    if match is None:
        return module
    leaf = match["leaf"]
    if _exists("gnosari.tools"):
        inner = f"gnosari.tools.builtin.{leaf}"
        return inner if not _exists(module) and _exists(inner) else module
    return f"{BUILTIN_PACKAGE}.{_RENAMED.get(leaf, leaf)}"


def _exists(module: str) -> bool:
    """Whether the module can be found, without importing its parents (``importlib.util.find_spec`` does)."""
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = _find(".".join(parts[:depth]), path)
        if spec is None:
            return False
        path = list(spec.submodule_search_locations or ())
        if depth < len(parts) and not path:
            return False
    return True


def _find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find_spec(name, path) if find_spec is not None else None
        if spec is not None:
            return spec
    return None
