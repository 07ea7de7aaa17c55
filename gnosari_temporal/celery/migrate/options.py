"""Arguments of calls: the keywords that are written out, those inside a literal ``**{…}``, and their values."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .inference import Inference
from .scopes import How, Scope


@dataclass(frozen=True)
class Option:
    """One argument: its name (empty where it is made at run time), its value, where both stand."""

    name: str
    value: ast.expr
    node: ast.AST
    scope: Scope


def options(call: ast.Call, scope: Scope, inference: Inference) -> Iterator[Option]:
    """The keyword arguments of a call; a literal ``**`` dictionary is taken apart, any other is one option."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield Option(keyword.arg, keyword.value, keyword, scope)
        else:
            found = literal_dict(keyword.value, scope, inference)
            if found is None:
                yield Option("", keyword.value, keyword, scope)
            else:
                yield from items(*found)


def items(node: ast.expr, scope: Scope) -> Iterator[Option]:
    """The entries of a literal dictionary or of ``dict(…)`` that have a constant name."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield Option(key.value, value, key, scope)
    elif isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield Option(keyword.arg, keyword.value, keyword, scope)


def literal_dict(node: ast.expr, scope: Scope, inference: Inference) -> tuple[ast.expr, Scope] | None:
    """The dictionary that an expression is: written there, or the value of a name; with the scope it stands in."""
    seen = set[ast.AST]()
    while node not in seen:
        seen.add(node)
        if isinstance(node, ast.Dict) or (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args
        ):
            return node, scope
        found = _assigned(node, scope, inference)
        if found is None:
            return None
        node, scope = found
    return None


def _assigned(node: ast.expr, scope: Scope, inference: Inference) -> tuple[ast.expr, Scope] | None:
    if isinstance(node, ast.Attribute):
        base = inference.value(node.value, scope)
        if base is None or base.module is None:
            return None
        holders, name = [base.module.scope], node.attr
    elif isinstance(node, ast.Name):
        holders, name = list(scope.enclosing()), node.id
    else:
        return None
    for holder in holders:
        for binding in holder.bindings.get(name, ()):
            if binding.how is How.VALUE and isinstance(binding.node, ast.expr):
                return binding.node, binding.scope
            if binding.how is How.FROM and isinstance(binding.node, ast.ImportFrom):
                module, _ = inference.source_of(binding.node, holder)
                if module is not None:
                    return ast.Name(binding.name), module.scope
    return None


def constant(node: ast.expr) -> object:
    """The value of a constant, also of a negative number; ``...`` for anything else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        return -value if isinstance(value, int | float) else ...
    return ...


def is_empty(node: ast.expr) -> bool:
    """Whether a value says nothing: ``None``, ``False``, an empty text or collection."""
    if isinstance(node, ast.Dict):
        return not node.keys
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    return isinstance(node, ast.Constant) and not node.value
