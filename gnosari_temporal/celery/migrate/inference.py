"""What a name or expression stands for: aliases, imports across modules, factories, attributes are followed.

Nothing is run. The order of statements is not looked at: a name that is bound several times stands for the first
binding that is known. ``None`` means that nothing is known.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from functools import partial

from . import names
from .modules import CodeBase, Module
from .parameters import annotated, parameter_value
from .scopes import Binding, How, Scope
from .values import (
    APP,
    CALLS,
    DECORATOR,
    GROUP_RESULT,
    MEMBERS,
    OTHER,
    RESULT,
    SIGNATURE,
    TASK,
    Kind,
    Value,
)

_MAXIMUM_DEPTH = 120
_APP_NAMES = ("app", "celery", "celery_app")


class Inference:
    """Answers what expressions of a code base stand for; each answer is worked out once."""

    def __init__(self, code_base: CodeBase) -> None:
        self.code_base = code_base
        self._known: dict[ast.AST | Binding, Value | None] = {}
        self._depth = 0
        self._was_cut = False

    def value(self, node: ast.expr, scope: Scope) -> Value | None:
        """What an expression stands for in a scope."""
        return self._once(node, lambda: self._expression(node, scope))

    def _once(self, key: ast.expr | Binding, work: Callable[[], Value | None]) -> Value | None:
        """An answer that was worked out before, or is now; what is asked for while it is worked out is not known."""
        if key in self._known:
            return self._known[key]
        if self._depth >= _MAXIMUM_DEPTH:
            self._was_cut = True
            return None
        self._known[key] = None
        self._depth += 1
        try:
            found = self._known[key] = work()
        finally:
            self._depth -= 1
            if self._was_cut:  # worked out from less than there is: asked again from elsewhere it may be known
                del self._known[key]
                self._was_cut = self._depth > 0
        return found

    def _expression(self, node: ast.expr, scope: Scope) -> Value | None:
        match node:
            case ast.Name():
                return self.lookup(node.id, scope)
            case ast.Attribute():
                return self.attribute(self.value(node.value, scope), node.attr)
            case ast.Call():
                return self._call(node, scope)
            case ast.BinOp(op=ast.BitOr()):
                return self._pipe(node, scope)
            case ast.Subscript():
                return self._item(self.value(node.value, scope))
            case ast.Await() | ast.Starred() | ast.NamedExpr():
                return self.value(node.value, scope)
            case ast.IfExp():
                return self._first((node.body, node.orelse), scope)
            case ast.BoolOp():
                return self._first(node.values, scope)
            case ast.List() | ast.Tuple() | ast.Set():
                return Value(Kind.ITEMS, item=self._first(node.elts, scope))
            case ast.Dict():
                return Value(Kind.ITEMS, item=self._first(node.values, scope))
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return Value(Kind.ITEMS, item=self.value(node.elt, scope))
            case ast.DictComp():
                return Value(Kind.ITEMS, item=self.value(node.value, scope))
            case ast.Lambda():
                return Value(Kind.FUNCTION, node=node, scope=scope)
            case _:
                return OTHER

    def _first(self, nodes: Iterable[ast.expr], scope: Scope) -> Value | None:
        known = [value for value in (self.value(node, scope) for node in nodes) if value is not None]
        return next((value for value in known if value.kind is not Kind.OTHER), known[0] if known else None)

    def lookup(self, name: str, scope: Scope) -> Value | None:
        """What a name stands for in a scope."""
        for here in scope.enclosing():
            if name in here.bindings:
                return self._bound(here.bindings[name])
        return self._starred(name, scope.enclosing()) or (OTHER if hasattr(builtins, name) else None)

    def member(self, module: Module, name: str) -> Value | None:
        """What ``module.name`` stands for: a name of the module, else a submodule."""
        if name in module.scope.bindings:
            found = self._bound(module.scope.bindings[name])
            if found is not None:
                return found
        child = self.code_base.child(module, name)
        if child is not None:
            return Value(Kind.MODULE, module=child)
        return self._starred(name, (module.scope,))

    def _starred(self, name: str, scopes: Iterable[Scope]) -> Value | None:
        for here in scopes:
            for statement in here.stars:
                found = self._imported(statement, name, here)
                if found is not None and (found.kind is not Kind.NAME or _is_known(found.name)):
                    return found
        return None

    def _bound(self, bindings: list[Binding]) -> Value | None:
        other = None
        for binding in bindings:
            found = self._once(binding, partial(self._binding, binding))
            if found is not None and found.kind is not Kind.OTHER:
                return found
            other = other or found
        return other

    def _binding(self, binding: Binding) -> Value | None:
        node, scope = binding.node, binding.scope
        match node:
            case ast.Import():
                dotted = binding.name if binding.asname else binding.name.split(".")[0]
                return self._dotted(dotted, scope)
            case ast.ImportFrom():
                return self._imported(node, binding.name, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self.function(node, scope)
            case ast.ClassDef():
                return Value(Kind.CLASS, node=node, scope=scope)
            case ast.arg():
                return parameter_value(self, node, scope)
            case ast.expr() if binding.how is How.ELEMENT:
                return self._item(self.value(node, scope))
            case ast.expr() if binding.how is How.ANNOTATED:
                return annotated(self, node, scope)
            case ast.expr():
                return self.value(node, scope)
        return None

    def _dotted(self, dotted: str, scope: Scope) -> Value:
        module = self.code_base.absolute(dotted, scope.module)
        return Value(Kind.MODULE, module=module) if module is not None else named(dotted)

    def _imported(self, statement: ast.ImportFrom, name: str, scope: Scope) -> Value | None:
        module, dotted = self.source_of(statement, scope)
        if module is not None:
            return self.member(module, name)
        if statement.level:
            here = self.code_base.relative_parts(statement.level, dotted, scope.module)
            sibling = self.code_base.sibling((*here, name))
            if sibling is not None:
                return Value(Kind.MODULE, module=sibling)
            return APP if name == "celery_app" or _looks_like_app(dotted, name) else None
        if not names.is_celery(dotted):
            module = self.code_base.absolute(f"{dotted}.{name}", scope.module)
            if module is not None:
                return Value(Kind.MODULE, module=module)
            if _looks_like_app(dotted, name):
                return APP
        return named(f"{dotted}.{name}")

    def source_of(self, statement: ast.ImportFrom, scope: Scope) -> tuple[Module | None, str]:
        """The module of the code base that ``from … import`` names, if it is one, and the name as written."""
        dotted = statement.module or ""
        if statement.level:
            return self.code_base.relative(statement.level, dotted, scope.module), dotted
        return self.code_base.absolute(dotted, scope.module), dotted

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
        """A function as it is defined: a task, if a decorator makes it one."""
        for decorator in node.decorator_list:
            found = self.value(decorator, scope)
            if found is not None and found.kind is Kind.DECORATOR:
                return Value(Kind.TASK, node=node, scope=scope)
        return Value(Kind.FUNCTION, node=node, scope=scope)

    def attribute(self, base: Value | None, name: str) -> Value | None:
        """What a member of a value stands for."""
        if base is None:
            return None
        match base.kind:
            case Kind.NAME:
                return named(f"{base.name}.{name}") if base.name else None
            case Kind.MODULE if base.module is not None:
                return self.member(base.module, name)
            case Kind.CLASS | Kind.INSTANCE:
                return self._class_member(base, name)
            case Kind.OTHER:
                return OTHER
            case Kind.ITEMS | Kind.FUNCTION | Kind.MEMBER:
                return Value(Kind.MEMBER, name, base)
        if base.node is not None and isinstance(base.node, ast.ClassDef):
            own = self._class_member(base, name)
            if own is not None and own.kind is not Kind.FUNCTION:
                return own
        if base.kind is Kind.APP and name.startswith("on_"):
            return Value(Kind.SIGNAL, name)
        return MEMBERS.get((base.kind, name)) or Value(Kind.MEMBER, name, base)

    def _class_member(self, base: Value, name: str) -> Value | None:
        for holder in self.class_scopes(base):
            for bindings in (holder.bindings.get(name), holder.attributes.get(name)):
                if bindings is not None:
                    found = self._bound(bindings)
                    if found is not None:
                        return found
        return None

    def class_scopes(self, base: Value) -> Iterable[Scope]:
        """The scopes of a class and of its base classes in the code base, in order."""
        waiting, seen = [base], set[ast.AST]()
        while waiting:
            value = waiting.pop(0)
            if not isinstance(value.node, ast.ClassDef) or value.scope is None or value.node in seen:
                continue
            seen.add(value.node)
            yield value.scope.children[value.node]
            for parent in value.node.bases:
                found = self.value(parent, value.scope)
                if found is not None and found.kind is Kind.CLASS:
                    waiting.append(found)

    def derives_from(self, value: Value, wanted: frozenset[str]) -> bool:
        """Whether a class has one of these dotted names among its bases, however far up."""
        if value.kind is Kind.NAME:
            return value.name in wanted
        return any(
            (found := self.value(parent, holder.parent or holder)) is not None
            and found.kind is Kind.NAME
            and found.name in wanted
            for holder in self.class_scopes(value)
            if isinstance(holder.node, ast.ClassDef)
            for parent in holder.node.bases
        )

    def instance(self, value: Value) -> Value | None:
        """An object of a class."""
        if value.kind is Kind.NAME:
            return _INSTANCES.get(value.name, None if names.is_celery(value.name) else OTHER)
        if self.derives_from(value, names.TASK_CLASSES):
            return Value(Kind.TASK, node=value.node, scope=value.scope)
        if self.derives_from(value, frozenset({"celery.Celery"})):
            return Value(Kind.APP, node=value.node, scope=value.scope)
        return Value(Kind.INSTANCE, node=value.node, scope=value.scope)

    def _item(self, base: Value | None) -> Value | None:
        if base is None:
            return None
        if base.kind in (Kind.ITEMS, Kind.REGISTRY):
            return base.item
        if base == GROUP_RESULT:
            return RESULT
        return OTHER if base.kind is Kind.OTHER else None

    def _pipe(self, node: ast.BinOp, scope: Scope) -> Value | None:
        sides = (self.value(node.left, scope), self.value(node.right, scope))
        if any(side is not None and side.kind is Kind.SIGNATURE for side in sides):
            return SIGNATURE
        return OTHER if all(side is not None and side.kind is Kind.OTHER for side in sides) else None

    def _call(self, node: ast.Call, scope: Scope) -> Value | None:
        target = self.value(node.func, scope)
        if target is None:
            return None
        match target.kind:
            case Kind.NAME:
                return self._call_of_name(target.name, node, scope)
            case Kind.DECORATOR:
                return self._decorated(node, scope)
            case Kind.CLASS:
                return self.instance(target)
            case Kind.FUNCTION:
                return self._returned(target)
            case Kind.SIGNATURE:
                return GROUP_RESULT if target.name == "group" else RESULT
            case Kind.MEMBER if target.item is not None:
                return self._call_of_member(target.item, target.name, node, scope)
            case Kind.OTHER:
                return OTHER
        return None

    def _call_of_name(self, name: str, node: ast.Call, scope: Scope) -> Value | None:
        if name in names.TASK_DECORATORS:
            return self._decorated(node, scope)
        if name in _INSTANCES:
            return _INSTANCES[name]
        if name in ("functools.partial", "functools.wraps") and node.args:
            first = self.value(node.args[0], scope)
            return first if first is not None and first.kind is Kind.DECORATOR else OTHER
        if names.is_celery(name):
            return None
        if any("task" in part.lower() or "celery" in part.lower() for part in name.split(".")):
            return None
        return OTHER

    def _decorated(self, node: ast.Call, scope: Scope) -> Value:
        """``app.task(function)`` is a task, ``app.task(option=…)`` a decorator still."""
        if node.args:
            made = self.value(node.args[0], scope)
            if made is not None and made.kind in (Kind.FUNCTION, Kind.CLASS):
                return Value(Kind.TASK, node=made.node, scope=made.scope)
            return TASK
        return DECORATOR

    def _returned(self, function: Value) -> Value | None:
        node, scope = function.node, function.scope
        if scope is None or node is None or node not in scope.children:
            return None
        inner = scope.children[node]
        if isinstance(node, ast.Lambda):
            return self.value(node.body, inner)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        if node.returns is not None:
            declared = annotated(self, node.returns, scope)
            if declared is not None and declared.kind is not Kind.OTHER:
                return declared
        return self._first(_returns(node), inner)

    def _call_of_member(self, base: Value, name: str, node: ast.Call, scope: Scope) -> Value | None:
        if isinstance(base.node, ast.ClassDef):
            own = self._class_member(base, name)
            if own is not None and own.kind is Kind.FUNCTION and name not in ("delay", "apply_async", "retry"):
                return self._returned(own)
        if base.kind is Kind.APP and name == "register_task" and node.args:
            return self._first(node.args[:1], scope) or TASK
        if base.kind is Kind.SIGNATURE and base.name == "group" and name in ("delay", "apply_async", "apply"):
            return GROUP_RESULT
        if base.kind is Kind.ITEMS and name in ("get", "pop"):
            return base.item
        if base.kind is Kind.ITEMS and name in ("values", "copy", "items"):
            return base
        return CALLS.get((base.kind, name))


def named(name: str) -> Value:
    """What a dotted name of a package outside the code base stands for."""
    name = names.canonical(name)
    if names.is_app(name):
        return APP
    if name == "celery.current_task":
        return TASK
    if name in names.TASK_DECORATORS:
        return DECORATOR
    if name.startswith(names.SIGNALS):
        return Value(Kind.SIGNAL, name.removeprefix(names.SIGNALS))
    return Value(Kind.NAME, name)


_INSTANCES: dict[str, Value] = {
    **dict.fromkeys(names.APP_FACTORIES, APP),
    "celery.result.GroupResult": GROUP_RESULT,
    "celery.group": Value(Kind.SIGNATURE, "group"),
    **dict.fromkeys(names.TASK_FACTORIES, TASK),
    **dict.fromkeys(names.CANVAS - {"celery.group"}, SIGNATURE),
    **dict.fromkeys(names.RESULTS - {"celery.result.GroupResult"}, RESULT),
}


def _is_known(name: str) -> bool:
    return name in _INSTANCES or name in names.TASK_DECORATORS or name == "celery.states"


def _looks_like_app(dotted: str, name: str) -> bool:
    """Whether ``from dotted import name``, of a module that is not there, is an app by all convention."""
    return name in _APP_NAMES and "celery" in dotted.rsplit(".", 1)[-1].lower()


def _returns(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    found: list[ast.expr] = []
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return) and node.value is not None:
            found.append(node.value)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))
    return found
