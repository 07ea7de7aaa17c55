"""One Python module: walks its tree and records every Celery construct in it."""

from __future__ import annotations

import ast

from . import names
from .calls import CallAnalysis
from .configuration import ConfigurationAnalysis, is_configuration_class
from .context import Context, said_of
from .findings import Verdict
from .imports import EXTENSION_APPS, ImportAnalysis, extension_remedy
from .modules import Module
from .options import Option, constant
from .rules import rule_for
from .scopes import Scope
from .tasks import TaskAnalysis
from .values import Kind, Value

_MEMBER_KINDS = frozenset(
    {Kind.APP, Kind.TASK, Kind.SIGNATURE, Kind.RESULT, Kind.REQUEST, Kind.CONTROL, Kind.INSPECT, Kind.SIGNAL}
)
_REPORTED_BY_WHAT_FOLLOWS = frozenset(
    {(Kind.APP, "task"), (Kind.APP, "control"), (Kind.CONTROL, "inspect"), (Kind.TASK, "request")}
)


class ModuleAnalysis:
    """Walks one module."""

    def __init__(self, module: Module, context: Context) -> None:
        self._module = module
        self._context = context
        self._inference = context.inference
        self._recorder = context.recorder
        self._configuration = ConfigurationAnalysis(context)
        self._imports = ImportAnalysis(module, context)
        self._tasks = TaskAnalysis(module, context)
        self._calls = CallAnalysis(module, context, self._configuration, self._tasks)
        self._covered: set[ast.AST] = set()

    def run(self) -> None:
        """Records what is in the module."""
        if self._module.parts[-1].lower() in ("celeryconfig", "celery_config"):
            self._configuration.scope(self._module.scope)
        for node, scope in self._module.nodes:
            self._visit(node, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self._imports.statement(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._tasks.function(node, scope)
            case ast.ClassDef():
                self._tasks.task_class(node, scope)
                if is_configuration_class(node.name):
                    self._configuration.scope(scope.children[node], "CELERY", unknown=True)
            case ast.Attribute():
                self._attribute(node, scope)
            case ast.Call():
                self._calls.call(node, scope)
            case ast.BinOp(op=ast.BitOr()):
                self._pipe(node, scope)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                self._assignment(node, scope)
            case ast.List() | ast.Tuple():
                self._strings(node)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> None:
        if node in self._covered:
            return
        base = self._inference.value(node.value, scope)
        if base is None:
            return
        if base.kind is Kind.NAME:
            self._name(node, scope)
        elif base.kind in _MEMBER_KINDS:
            self._member(node, base, scope)

    def _name(self, node: ast.Attribute, scope: Scope) -> None:
        """``celery.schedules.crontab``: a dotted name that does not run is recorded where it is used, once."""
        value = self._inference.value(node, scope)
        if value is None:
            return
        name = f"{names.SIGNALS}{value.name}" if value.kind is Kind.SIGNAL else value.name
        if name == "pytest.mark.celery":
            self._recorder.node(self._module, node, "test.fixtures")
        if value.kind not in (Kind.NAME, Kind.SIGNAL) or not names.is_celery(name):
            return
        self._covered.update(part for part in ast.walk(node.value) if isinstance(part, ast.Attribute))
        found = rule_for(f"name:{name}")
        if found is not None and found.verdict is Verdict.DOES_NOT_RUN and value.kind is Kind.NAME:
            self._recorder.node(self._module, node, found)

    def _member(self, node: ast.Attribute, base: Value, scope: Scope) -> None:
        name = node.attr
        if name.startswith("_") or (base.kind, name) in _REPORTED_BY_WHAT_FOLLOWS or self._is_own(base, name):
            return
        if base.kind is Kind.SIGNAL:
            if not base.name.startswith("on_"):
                found = rule_for(f"signal.{base.name}")
                if found is not None and name in ("connect", "send", "disconnect"):
                    text = f"`{base.name}`: {found.text}"
                    self._recorder.node(self._module, node, found, text=text)
            return
        found = rule_for(f"{base.kind.value}.{name}")
        if found is None or (found.id in ("app.other", "result.other") and name in self._context.assigned):
            return
        if isinstance(node.ctx, ast.Store) and found.id in ("app.other", "task.other"):
            return
        self._recorder.node(self._module, node, found, text=said_of(name, found))

    def _is_own(self, base: Value, name: str) -> bool:
        """Whether a class of the code base that is derived from one of Celery's has this member itself."""
        if not isinstance(base.node, ast.ClassDef):
            return False
        return any(
            name in holder.bindings or name in holder.attributes for holder in self._inference.class_scopes(base)
        )

    def _pipe(self, node: ast.BinOp, scope: Scope) -> None:
        value = self._inference.value(node, scope)
        if value is None or value.kind is not Kind.SIGNATURE:
            return
        if node not in self._covered:
            self._recorder.node(self._module, node, "canvas.pipe")
        self._covered.update(side for side in (node.left, node.right) if isinstance(side, ast.BinOp))

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, scope: Scope) -> None:
        if node.value is None:
            return
        for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
            if isinstance(target, ast.Attribute):
                base = self._inference.value(target.value, scope)
                if base is not None and base.kind is Kind.CONF:
                    self._configuration.setting(Option(target.attr, node.value, target, scope), unknown=True)
            elif isinstance(target, ast.Subscript):
                self._subscript(target, node.value, scope)
            elif isinstance(target, ast.Name):
                self._assigned_name(target, node.value, scope)

    def _assigned_name(self, target: ast.Name, value: ast.expr, scope: Scope) -> None:
        is_top = scope.is_class or isinstance(scope.node, ast.Module)
        if is_top and target.id.startswith(("CELERY_", "CELERYD_", "CELERYBEAT_")):
            self._configuration.setting(Option(target.id, value, target, scope), "CELERY")
        elif target.id == "CELERY":
            self._configuration.dictionary(value, scope)
        elif target.id == "pytest_plugins" and constant(value) == "celery.contrib.pytest":
            self._recorder.node(self._module, value, "test.fixtures")

    def _subscript(self, target: ast.Subscript, value: ast.expr, scope: Scope) -> None:
        key = constant(target.slice)
        base = self._inference.value(target.value, scope)
        if not isinstance(key, str):
            return
        if base is not None and base.kind is Kind.CONF:
            self._configuration.setting(Option(key, value, target.slice, scope), unknown=True)
        elif key.startswith("CELERY_"):
            self._configuration.setting(Option(key, value, target.slice, scope), "CELERY")
        elif key == "CELERY":
            self._configuration.dictionary(value, scope)

    def _strings(self, node: ast.List | ast.Tuple) -> None:
        for element in node.elts:
            text = constant(element)
            if text == "celery.contrib.pytest":
                self._recorder.node(self._module, element, "test.fixtures")
            elif isinstance(text, str) and text.split(".")[0] in EXTENSION_APPS:
                remedy = extension_remedy(text)
                self._recorder.node(self._module, element, "import.extension", remedy=remedy)
