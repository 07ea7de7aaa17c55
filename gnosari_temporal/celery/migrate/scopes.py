"""The names of a module: which scopes it has, and what each name is bound to in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .modules import Module

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


_WITHOUT_NAMES = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


class How(Enum):
    """What gave a name its value."""

    VALUE = "value"
    """Assigned: the node is the expression."""
    ELEMENT = "element"
    """A loop variable, or unpacked: the node is what is iterated over."""
    DEFINITION = "definition"
    """A function or class: the node is its definition."""
    PARAMETER = "parameter"
    """A parameter: the node is the argument."""
    IMPORT = "import"
    """``import a.b``: the node is the statement, the name the imported one."""
    FROM = "from"
    """``from a import b``: the node is the statement, the name the imported one."""
    ANNOTATED = "annotated"
    """Declared with a type: the node is the annotation."""


@dataclass(frozen=True, eq=False)
class Binding:
    how: How
    node: ast.AST
    scope: Scope
    """Where the node's own names are looked up."""
    name: str = ""
    asname: bool = False


@dataclass
class Scope:
    """The names of one module, class or function. ``attributes`` of a class are those its methods set on ``self``."""

    module: Module
    node: ast.Module | Definition
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[ast.ImportFrom] = field(default_factory=list)
    children: dict[ast.AST, Scope] = field(default_factory=dict)

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    def bind(self, name: str, binding: Binding) -> None:
        self.bindings.setdefault(name, []).append(binding)

    def enclosing(self) -> Iterator[Scope]:
        """The scopes in which a name is looked up from here, innermost first: no class but this one."""
        yield self
        above = self.parent
        while above is not None:
            if not above.is_class:
                yield above
            above = above.parent


def build_scopes(module: Module, tree: ast.Module) -> tuple[Scope, list[tuple[ast.AST, Scope]]]:
    """The module's scope with all scopes inside it, and every node (but operators and the like) with its scope."""
    top = Scope(module, tree, None)
    nodes: list[tuple[ast.AST, Scope]] = []
    waiting: list[tuple[ast.AST, Scope]] = [(child, top) for child in reversed(tree.body)]
    while waiting:
        entry = waiting.pop()
        nodes.append(entry)
        node, scope = entry
        inner = _bind(node, scope)
        waiting.extend(reversed(_children(node, scope, scope if inner is None else inner)))
    return top, nodes


def _children(node: ast.AST, outer: Scope, inner: Scope) -> list[tuple[ast.AST, Scope]]:
    """A node's children with their scopes: what stands in the body of a definition belongs to the scope it opens."""
    found: list[tuple[ast.AST, Scope]] = []
    for name in node._fields:
        value = getattr(node, name, None)
        scope = inner if name == "body" else outer
        if isinstance(value, list):
            found.extend((item, scope) for item in value if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST) and not isinstance(value, _WITHOUT_NAMES):
            found.append((value, scope))
    return found


def _bind(node: ast.AST, scope: Scope) -> Scope | None:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            scope.bind(node.name, Binding(How.DEFINITION, node, scope))
            return _open(node, scope)
        case ast.Lambda():
            return _open(node, scope)
        case ast.Import():
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                scope.bind(name, Binding(How.IMPORT, node, scope, alias.name, alias.asname is not None))
        case ast.ImportFrom():
            for alias in node.names:
                if alias.name == "*":
                    scope.stars.append(node)
                else:
                    scope.bind(alias.asname or alias.name, Binding(How.FROM, node, scope, alias.name))
        case ast.Assign():
            for target in node.targets:
                _bind_target(target, node.value, scope, How.VALUE)
        case ast.AnnAssign():
            if node.value is not None:
                _bind_target(node.target, node.value, scope, How.VALUE)
            _bind_target(node.target, node.annotation, scope, How.ANNOTATED)
        case ast.NamedExpr():
            _bind_target(node.target, node.value, scope, How.VALUE)
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            _bind_target(node.target, node.iter, scope, How.ELEMENT)
        case ast.withitem() if node.optional_vars is not None:
            _bind_target(node.optional_vars, node.context_expr, scope, How.VALUE)
    return None


def _open(node: Definition, scope: Scope) -> Scope:
    inner = Scope(scope.module, node, scope)
    scope.children[node] = inner
    if not isinstance(node, ast.ClassDef):
        arguments = node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            inner.bind(argument.arg, Binding(How.PARAMETER, argument, scope))
    return inner


def _bind_target(target: ast.expr, value: ast.expr, scope: Scope, how: How) -> None:
    match target:
        case ast.Name():
            scope.bind(target.id, Binding(how, value, scope))
        case ast.Tuple() | ast.List():
            for position, element in enumerate(target.elts):
                if how is How.VALUE and isinstance(value, ast.Tuple | ast.List) and position < len(value.elts):
                    _bind_target(element, value.elts[position], scope, how)
                else:
                    _bind_target(element, value, scope, How.ELEMENT)
        case ast.Starred():
            _bind_target(target.value, value, scope, how)
        case ast.Attribute(value=ast.Name(id=owner)) if owner in ("self", "cls"):
            holder = _class_of(scope)
            if holder is not None:
                holder.attributes.setdefault(target.attr, []).append(Binding(how, value, scope))


def _class_of(scope: Scope) -> Scope | None:
    here: Scope | None = scope
    while here is not None and not here.is_class:
        here = here.parent
    return here
