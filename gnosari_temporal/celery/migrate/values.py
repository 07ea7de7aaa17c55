"""What an expression of the analysed code can stand for, as far as Celery is concerned."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .modules import Module
    from .scopes import Scope


class Kind(Enum):
    """The kinds of things; those in the second half are objects of Celery's, their values begin the rules' keys."""

    NAME = "name"
    """Something of a package outside the code base, by its dotted name."""
    MODULE = "module"
    FUNCTION = "function"
    CLASS = "class"
    INSTANCE = "instance"
    ITEMS = "items"
    """A collection; ``item`` is what is in it."""
    MEMBER = "member"
    """A method or attribute, called ``name``, of ``item``."""
    OTHER = "other"
    """Certainly nothing of Celery's."""

    APP = "app"
    DECORATOR = "decorator"
    """``app.task``, ``shared_task``, or either called with options."""
    TASK = "task"
    SIGNATURE = "signature"
    RESULT = "result"
    REQUEST = "request"
    CONF = "conf"
    CONTROL = "control"
    INSPECT = "inspect"
    REGISTRY = "registry"
    SIGNAL = "signal"


@dataclass(frozen=True)
class Value:
    """One possible meaning of an expression.

    ``node`` and ``scope`` are a function's or class's definition and where it stands; a task that was made from a
    function or class keeps them.
    """

    kind: Kind
    name: str = ""
    item: Value | None = None
    node: ast.AST | None = None
    scope: Scope | None = None
    module: Module | None = None


OTHER = Value(Kind.OTHER)
APP = Value(Kind.APP)
TASK = Value(Kind.TASK)
SIGNATURE = Value(Kind.SIGNATURE)
RESULT = Value(Kind.RESULT)
GROUP_RESULT = Value(Kind.RESULT, "group")
DECORATOR = Value(Kind.DECORATOR)

MEMBERS: dict[tuple[Kind, str], Value] = {
    (Kind.APP, "task"): DECORATOR,
    (Kind.APP, "conf"): Value(Kind.CONF),
    (Kind.APP, "control"): Value(Kind.CONTROL),
    (Kind.APP, "tasks"): Value(Kind.REGISTRY, item=TASK),
    (Kind.APP, "Task"): Value(Kind.NAME, "celery.Task"),
    (Kind.APP, "AsyncResult"): Value(Kind.NAME, "celery.result.AsyncResult"),
    (Kind.APP, "GroupResult"): Value(Kind.NAME, "celery.result.GroupResult"),
    (Kind.APP, "current_task"): TASK,
    (Kind.APP, "current_worker_task"): TASK,
    (Kind.TASK, "request"): Value(Kind.REQUEST),
    (Kind.TASK, "app"): APP,
    (Kind.TASK, "AsyncResult"): Value(Kind.NAME, "celery.result.AsyncResult"),
    (Kind.RESULT, "children"): Value(Kind.ITEMS, item=RESULT),
    (Kind.RESULT, "results"): Value(Kind.ITEMS, item=RESULT),
    (Kind.RESULT, "parent"): RESULT,
    (Kind.SIGNATURE, "tasks"): Value(Kind.ITEMS, item=SIGNATURE),
    (Kind.SIGNATURE, "body"): SIGNATURE,
    (Kind.SIGNATURE, "app"): APP,
}
"""What reading a member gives, where it is more than a method."""

CALLS: dict[tuple[Kind, str], Value] = {
    (Kind.APP, "send_task"): RESULT,
    (Kind.APP, "signature"): SIGNATURE,
    (Kind.APP, "register_task"): TASK,
    (Kind.TASK, "delay"): RESULT,
    (Kind.TASK, "apply_async"): RESULT,
    (Kind.TASK, "apply"): RESULT,
    (Kind.TASK, "s"): SIGNATURE,
    (Kind.TASK, "si"): SIGNATURE,
    (Kind.TASK, "signature"): SIGNATURE,
    (Kind.TASK, "subtask"): SIGNATURE,
    (Kind.TASK, "map"): SIGNATURE,
    (Kind.TASK, "starmap"): SIGNATURE,
    (Kind.TASK, "chunks"): SIGNATURE,
    (Kind.SIGNATURE, "delay"): RESULT,
    (Kind.SIGNATURE, "apply_async"): RESULT,
    (Kind.SIGNATURE, "apply"): RESULT,
    (Kind.SIGNATURE, "set"): SIGNATURE,
    (Kind.SIGNATURE, "clone"): SIGNATURE,
    (Kind.SIGNATURE, "on_error"): SIGNATURE,
    (Kind.SIGNATURE, "group"): SIGNATURE,
    (Kind.SIGNATURE, "skew"): SIGNATURE,
    (Kind.RESULT, "restore"): GROUP_RESULT,
    (Kind.CONTROL, "inspect"): Value(Kind.INSPECT),
    (Kind.REGISTRY, "get"): TASK,
}
"""What calling a method gives, where it is an object of Celery's again."""
