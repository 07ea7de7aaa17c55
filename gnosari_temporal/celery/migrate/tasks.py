"""Declarations of tasks: decorators and their options, classes derived from Task, what the bodies do."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from . import names
from .context import Context
from .modules import Module
from .options import Option
from .rules import rule_for
from .scopes import Scope
from .values import Kind, Value

_HOOKS = frozenset({"before_start", "on_success", "on_failure", "on_retry", "after_return"})
_OVERRIDES = frozenset({"__call__", "apply_async", "delay", "retry"})
_UNCALLED = frozenset({"on_bound", "on_replace", "start_strategy", "shadow_name", "annotate"})
_FIXTURES = frozenset({"celery_worker", "celery_session_worker"})


class TaskAnalysis:
    """Looks at the declarations of one module."""

    def __init__(self, module: Module, context: Context) -> None:
        self._module = module
        self._context = context
        self._inference = context.inference
        self._recorder = context.recorder

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        """Records a function that is a task, and test functions that ask for Celery's fixtures."""
        for decorator in node.decorator_list:
            value = self._inference.value(decorator, scope)
            if value is not None and value.kind is Kind.DECORATOR:
                self._recorder.node(self._module, _name_of(decorator), "task.decorator")
                if isinstance(node, ast.AsyncFunctionDef):
                    self._recorder.node(self._module, node, "task.async-body")
        if node.name.startswith("test") or node.decorator_list:
            for argument in (*node.args.posonlyargs, *node.args.args):
                if argument.arg in _FIXTURES:
                    self._recorder.node(self._module, argument, "test.fixtures")

    def task_class(self, node: ast.ClassDef, scope: Scope) -> None:
        """Records a class that is derived from Celery's Task."""
        if not self._inference.derives_from(Value(Kind.CLASS, node=node, scope=scope), names.TASK_CLASSES):
            return
        self._recorder.node(self._module, node, "task.class")
        inner = scope.children[node]
        for statement in node.body:
            match statement:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if name in _HOOKS:
                        self._recorder.node(self._module, statement, "task.hook")
                    elif name in _OVERRIDES:
                        self._recorder.node(self._module, statement, "task.call-override")
                    elif name in _UNCALLED:
                        self._recorder.node(self._module, statement, "task.class-other")
                    elif name == "run" and isinstance(statement, ast.AsyncFunctionDef):
                        self._recorder.node(self._module, statement, "task.async-body")
                case ast.Assign(targets=[ast.Name(id=name) as target]):
                    self._class_option(Option(name, statement.value, target, inner))
                case ast.AnnAssign(target=ast.Name(id=name) as target, value=ast.expr() as value):
                    self._class_option(Option(name, value, target, inner))

    def _class_option(self, option: Option) -> None:
        found = rule_for(f"option:task.{option.name}")
        if found is not None and found.id != "task.option.attribute" and option.name != "abstract":
            self.declared([option])

    def declared(self, options: Iterable[Option]) -> None:
        """Records the options that a task is declared with."""
        for option in options:
            self._context.record_option("task", option)

    def is_inside_task(self, scope: Scope) -> bool:
        """Whether code in this scope runs as part of a task."""
        here: Scope | None = scope
        while here is not None:
            if here.parent is not None and isinstance(here.node, ast.FunctionDef | ast.AsyncFunctionDef):
                if here.parent.is_class:
                    owner = self._inference.instance(_class_value(here.parent))
                    return owner is not None and owner.kind is Kind.TASK and here.node.name in ("run", "__call__")
                if any(self._is_decorator(decorator, here.parent) for decorator in here.node.decorator_list):
                    return True
            here = here.parent
        return False

    def _is_decorator(self, node: ast.expr, scope: Scope) -> bool:
        value = self._inference.value(node, scope)
        return value is not None and value.kind is Kind.DECORATOR


def _class_value(scope: Scope) -> Value:
    return Value(Kind.CLASS, node=scope.node, scope=scope.parent)


def _name_of(decorator: ast.expr) -> ast.expr:
    """The part of a decorator that names it, so that its line and column are those of the name."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(target, ast.Attribute):
        target = target.value
    return target
