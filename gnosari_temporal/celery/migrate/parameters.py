"""What a parameter, or anything else that is declared with a type, stands for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from . import names
from .scopes import Scope
from .values import APP, OTHER, Kind, Value

if TYPE_CHECKING:
    from .inference import Inference

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def parameter_value(inference: Inference, node: ast.arg, scope: Scope) -> Value | None:
    """What a parameter stands for; ``scope`` is where its function stands.

    The first one of a method is an object of its class, of a bound task the task; others are what their annotation
    says, or an app if they are called like one.
    """
    function = _function_of(node, scope)
    if function is not None and node is _first(function):
        if isinstance(scope.node, ast.ClassDef) and scope.parent is not None:
            return inference.instance(Value(Kind.CLASS, node=scope.node, scope=scope.parent))
        if not isinstance(function, ast.Lambda) and _is_bound(function):
            task = inference.function(function, scope)
            if task.kind is Kind.TASK:
                return task
    if node.annotation is not None:
        return annotated(inference, node.annotation, scope)
    if node.arg in ("celery", "celery_app"):
        return APP
    return APP if node.arg == "sender" and function is not None and _is_app_handler(function) else None


def annotated(inference: Inference, annotation: ast.expr, scope: Scope) -> Value | None:
    """An object of the type that an annotation names."""
    match annotation:
        case ast.Constant(value=str() as text):
            try:
                return annotated(inference, ast.parse(text, mode="eval").body, scope)
            except SyntaxError:
                return None
        case ast.BinOp(op=ast.BitOr()):
            left = annotated(inference, annotation.left, scope)
            return left if left not in (None, OTHER) else annotated(inference, annotation.right, scope)
        case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional")):
            return annotated(inference, annotation.slice, scope)
        case ast.Subscript(slice=ast.Name() | ast.Attribute() | ast.Constant()):
            return Value(Kind.ITEMS, item=annotated(inference, annotation.slice, scope))
        case ast.Name() | ast.Attribute():
            found = inference.value(annotation, scope)
            if found is None or (found.kind is Kind.NAME and found.name.startswith("typing.")):
                return None
            if found.kind is Kind.CLASS or (found.kind is Kind.NAME and names.is_celery(found.name)):
                return inference.instance(found)
            return OTHER
    return None


def _function_of(node: ast.arg, scope: Scope) -> _Function | None:
    for definition in scope.children:
        if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = definition.args
            if any(node is one for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)):
                return definition
    return None


def _first(function: _Function) -> ast.arg | None:
    return next(iter((*function.args.posonlyargs, *function.args.args)), None)


def _is_bound(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a task is declared with ``bind=True``; one whose first parameter is ``self`` is taken for bound."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "bind":
                    return not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
    first = _first(function)
    return first is not None and first.arg == "self"


def _is_app_handler(function: _Function) -> bool:
    """Whether a function is connected to a signal of the app, whose sender is the app."""
    return not isinstance(function, ast.Lambda) and any(
        isinstance(part, ast.Attribute) and part.attr.startswith("on_after_")
        for decorator in function.decorator_list
        for part in ast.walk(decorator)
    )
