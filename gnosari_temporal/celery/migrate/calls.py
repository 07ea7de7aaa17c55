"""Calls: what they make or send, and the options that they are given."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from . import names
from .commands import command_of_words
from .configuration import ConfigurationAnalysis
from .context import Context
from .modules import Module
from .options import Option, constant, items, literal_dict, options
from .scopes import Scope
from .tasks import TaskAnalysis
from .values import Kind, Value

_CANVAS = {
    "celery.group": "canvas.group",
    "celery.chain": "canvas.chain",
    "celery.chord": "canvas.chord",
    "celery.chunks": "canvas.chunks",
    "celery.xmap": "canvas.chunks",
    "celery.xstarmap": "canvas.chunks",
    "celery.signature": "canvas.signature",
    "celery.maybe_signature": "canvas.signature",
    "celery.Signature": "canvas.signature",
}
_CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_SCHEDULES = frozenset({"celery.schedules.crontab", "celery.schedules.schedule", "celery.schedules.solar"})
_EVENT_LOOPS = frozenset(
    {"asyncio.run", "asyncio.new_event_loop", "asyncio.get_event_loop", "asgiref.sync.async_to_sync"}
)
_SENT = frozenset({(Kind.TASK, "apply_async"), (Kind.SIGNATURE, "apply_async"), (Kind.SIGNATURE, "set")})
_NOT_OPTIONS = frozenset({"args", "kwargs", "name", "app", "type", "immutable", "result_cls"})
_OF_THE_APP = frozenset({"include", "result_backend", "broker_read_url", "broker_write_url"})
_DIRECT = frozenset({"direct", ""})


class CallAnalysis:
    """Looks at the calls of one module."""

    def __init__(
        self, module: Module, context: Context, configuration: ConfigurationAnalysis, tasks: TaskAnalysis
    ) -> None:
        self._module = module
        self._context = context
        self._inference = context.inference
        self._recorder = context.recorder
        self._configuration = configuration
        self._tasks = tasks
        self._touches_celery: bool | None = None

    def call(self, node: ast.Call, scope: Scope) -> None:
        """Records what one call means to Celery."""
        self._keywords(node, scope)
        self._words(node)
        target = self._inference.value(node.func, scope)
        if target is None:
            self._unresolved(node)
            return
        match target.kind:
            case Kind.NAME:
                self._named(target.name, node, scope)
            case Kind.CLASS:
                made = self._inference.instance(target)
                if made is not None and made.kind is Kind.APP:
                    self._app(node, scope)
            case Kind.DECORATOR:
                self._decorator(node, scope)
            case Kind.MEMBER if target.item is not None:
                self._member(target.item, target.name, node, scope)
            case Kind.SIGNATURE:
                pass

    def _named(self, name: str, node: ast.Call, scope: Scope) -> None:
        if name == "celery.Celery":
            self._app(node, scope)
        elif name in _CANVAS:
            self._recorder.node(self._module, node, _CANVAS[name])
        elif name in names.RESULTS:
            if not isinstance(node.func, ast.Attribute) or self._is_name(node.func.value, scope):
                self._recorder.node(self._module, node, "result.create")
        elif name in _SCHEDULES:
            self._recorder.node(self._module, node, "beat.crontab", remedy=_schedule_remedy(name, node))
        elif name in ("kombu.Queue", "kombu.Exchange"):
            self._kombu(name, node, scope)
        elif name in _EVENT_LOOPS and self._tasks.is_inside_task(scope):
            self._recorder.node(self._module, node, "task.event-loop")
        elif name == "functools.partial":
            made = self._inference.value(node, scope)
            if made is not None and made.kind is Kind.DECORATOR:
                self._tasks.declared(options(node, scope, self._inference))
        else:
            self._unresolved(node, name)

    def _is_name(self, node: ast.expr, scope: Scope) -> bool:
        """Whether this is a module of Celery's, not an app or a task that has the name as its member."""
        value = self._inference.value(node, scope)
        return value is not None and value.kind is Kind.NAME

    def _app(self, node: ast.Call, scope: Scope) -> None:
        self._recorder.node(self._module, node, "app.create")
        for option in options(node, scope, self._inference):
            if option.name in _OF_THE_APP or not self._configuration.setting(option):
                self._context.record_option("app", option)

    def _decorator(self, node: ast.Call, scope: Scope) -> None:
        made = self._inference.value(node, scope)
        if made is not None and made.kind is Kind.TASK:
            self._recorder.node(self._module, node, "task.decorator")
        self._tasks.declared(options(node, scope, self._inference))

    def _member(self, base: Value, name: str, node: ast.Call, scope: Scope) -> None:
        key = (base.kind, name)
        if key in _SENT:
            self._sent(options(node, scope, self._inference))
        elif key == (Kind.APP, "send_task"):
            self._sent(option for option in options(node, scope, self._inference) if option.name != "name")
        elif key in ((Kind.TASK, "signature"), (Kind.TASK, "subtask"), (Kind.APP, "signature")):
            self._signature(node, scope)
        elif key == (Kind.TASK, "retry"):
            self._retry(node, scope)
        elif key == (Kind.APP, "config_from_object"):
            self._configuration.from_object(node, scope)
        elif key == (Kind.CONF, "update"):
            self._configuration.update(node, scope)
        elif base.kind is Kind.RESULT and name in ("get", "join", "join_native", "wait"):
            asked = {keyword.arg for keyword in node.keywords}
            if "disable_sync_subtasks" not in asked and self._tasks.is_inside_task(scope):
                self._recorder.node(self._module, node.func, "result.get-in-task")
        elif base.kind is Kind.ITEMS and name in ("delay", "apply_async"):
            self._unresolved(node)

    def _signature(self, node: ast.Call, scope: Scope) -> None:
        given = [option for option in options(node, scope, self._inference) if option.name not in _NOT_OPTIONS]
        self._sent(option for option in given if option.name != "options")
        for option in given:
            if option.name == "options" and (found := literal_dict(option.value, scope, self._inference)):
                self._sent(items(*found))

    def _sent(self, given: Iterable[Option]) -> None:
        for option in given:
            self._context.record_option("apply_async", option)

    def _retry(self, node: ast.Call, scope: Scope) -> None:
        given = list(options(node, scope, self._inference))
        for option in given:
            self._context.record_option("retry", option)
        by_name = {option.name: option.value for option in given}
        if "countdown" in by_name and not {"args", "kwargs"} & by_name.keys():
            parts = ast.walk(by_name["countdown"])
            if any(isinstance(part, ast.Attribute) and part.attr == "retry_count" for part in parts):
                self._recorder.node(self._module, node, "retry.message-count")

    def _kombu(self, name: str, node: ast.Call, scope: Scope) -> None:
        given = {option.name: option for option in options(node, scope, self._inference)}
        kind = given.get("type")
        if name == "kombu.Exchange":
            value = constant(kind.value) if kind is not None else constant(node.args[1]) if len(node.args) > 1 else ""
            if isinstance(value, str) and value not in _DIRECT:
                self._recorder.node(self._module, node, "kombu.exchange-type")
        arguments = given.get("queue_arguments")
        if arguments is not None:
            found = literal_dict(arguments.value, scope, self._inference)
            if found is not None and any(
                entry.name == "x-max-priority" or entry.name.startswith("x-dead-letter") for entry in items(*found)
            ):
                self._recorder.node(self._module, arguments.node, "kombu.queue-arguments")
        if "max_priority" in given:
            self._recorder.node(self._module, given["max_priority"].node, "kombu.queue-arguments")

    def _keywords(self, node: ast.Call, scope: Scope) -> None:
        """``config.update(CELERY_BROKER_URL=…)`` and ``from_mapping({"CELERY": {…}})`` of frameworks."""
        given = [Option(keyword.arg, keyword.value, keyword, scope) for keyword in node.keywords if keyword.arg]
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("update", "from_mapping"):
            for argument in node.args:
                given += items(argument, scope)
        for option in given:
            if option.name.startswith("CELERY_"):
                self._configuration.setting(option, "CELERY")
            elif option.name == "CELERY":
                self._configuration.dictionary(option.value, scope)

    def _words(self, node: ast.Call) -> None:
        """``subprocess.run(["celery", "-A", …])``."""
        for argument in node.args[:1]:
            if isinstance(argument, ast.List | ast.Tuple):
                words = [str(value) if isinstance(value := constant(part), str) else "" for part in argument.elts]
                command = command_of_words(words)
                if command is not None:
                    self._recorder.node(self._module, argument, command.rule, remedy=self._recorder.remedy_of(command))

    def _unresolved(self, node: ast.Call, name: str = "") -> None:
        """``.delay()`` of something unknown, in a module that has to do with Celery."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("delay", "apply_async"):
            return
        if name and not any("task" in part.lower() for part in name.split(".")):
            return
        if self._has_celery():
            self._recorder.node(self._module, node.func, "call.unresolved")

    def _has_celery(self) -> bool:
        """Whether the module imports Celery, or anything of Celery's kind from another module."""
        if self._touches_celery is None:
            self._touches_celery = any(
                value is not None
                and (
                    value.kind in (Kind.APP, Kind.DECORATOR, Kind.TASK, Kind.SIGNAL)
                    or (value.kind is Kind.NAME and names.is_celery(value.name))
                )
                for name in self._module.scope.bindings
                for value in (self._inference.lookup(name, self._module.scope),)
            )
        return self._touches_celery


def _schedule_remedy(name: str, call: ast.Call) -> str | None:
    """The remedy with the cron expression of a ``crontab(…)`` that is written out; ``None`` for any other schedule."""
    fields = {keyword.arg: constant(keyword.value) for keyword in call.keywords}
    if not name.endswith(".crontab") or call.args or not fields.keys() <= set(_CRON_FIELDS):
        return None
    values = [fields.get(field, "*") for field in _CRON_FIELDS]
    if not all(isinstance(value, str | int) for value in values):
        return None
    return f"`gnosari schedule create` with the cron expression `{' '.join(str(value) for value in values)}`."
