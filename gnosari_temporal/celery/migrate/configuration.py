"""Settings of Celery, wherever Python code sets them: classes, modules, dictionaries, ``app.conf``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from .context import Context, serializer_rule
from .modules import Module
from .options import Option, constant, is_empty, items, literal_dict, options
from .rules import Rule, rule, rule_for
from .scopes import Scope
from .setting_names import new_name
from .values import Kind, Value

_SERIALIZERS = frozenset({"task_serializer", "result_serializer", "event_serializer"})
_CONTENTS = frozenset({"accept_content", "result_accept_content"})
_CONFIGURATION_CLASS = re.compile(r"celery\w*(config|settings|conf)", re.IGNORECASE)


def is_configuration_class(name: str) -> bool:
    """Whether a class by this name is a configuration of Celery by all convention: ``CeleryConfig``."""
    return _CONFIGURATION_CLASS.search(name) is not None


def assignments(body: Iterable[ast.stmt]) -> Iterator[tuple[ast.Name, ast.expr]]:
    """The names that statements assign, also under ``if``, ``try`` and ``with``."""
    for statement in body:
        match statement:
            case ast.Assign():
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        yield target, statement.value
            case ast.AnnAssign(target=ast.Name() as target) if statement.value is not None:
                yield target, statement.value
            case ast.If() | ast.Try() | ast.With():
                yield from assignments(statement.body)
                yield from assignments(getattr(statement, "orelse", ()))
                for handler in getattr(statement, "handlers", ()):
                    yield from assignments(handler.body)


class ConfigurationAnalysis:
    """Looks at settings; it is asked by the analysis of a module wherever one may be set."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._inference = context.inference
        self._recorder = context.recorder

    def setting(self, option: Option, namespace: str | None = None, *, unknown: bool = False) -> bool:
        """Records one setting, if it is one; with ``unknown`` also a name that Celery does not know."""
        new = new_name(option.name, namespace)
        module = option.scope.module
        if new is None:
            if unknown and option.name and not option.name.startswith("_"):
                text = f"`{option.name}`: {rule('setting.unknown').text}"
                self._recorder.node(module, option.node, "setting.unknown", text=text)
            return False
        found = rule_for(f"setting:{new}")
        assert found is not None, new
        self._value(new, option, found)
        return True

    def _value(self, new: str, option: Option, found: Rule) -> None:
        module, node, value = option.scope.module, option.node, option.value
        if new in _SERIALIZERS:
            found = serializer_rule(constant(value)) or found
        elif new in _CONTENTS and isinstance(value, ast.List | ast.Tuple | ast.Set):
            refused = [refused for element in value.elts if (refused := serializer_rule(constant(element)))]
            found = min(refused, key=lambda refused: refused.id != "serializer.pickle", default=found)
        elif new == "task_default_exchange_type" and constant(value) == "direct":
            found = rule("setting.delivery")
        elif found.remedy and is_empty(value):
            return
        shown = f"`{option.name}`" if option.name == new else f"`{option.name}` (`{new}`)"
        self._recorder.node(module, node, found, text=f"{shown}: {found.text}")
        if new == "task_default_priority":
            self._context.check_priority(option)
        elif new == "beat_schedule":
            for entry in self._entries(value, option.scope):
                text = f"`{entry.name}`: {rule('beat.entry').text}"
                self._recorder.node(entry.scope.module, entry.node, "beat.entry", text=text)

    def _entries(self, value: ast.expr, scope: Scope) -> Iterator[Option]:
        found = literal_dict(value, scope, self._inference)
        return items(*found) if found is not None else iter(())

    def scope(self, scope: Scope, namespace: str | None = None, *, unknown: bool = False) -> None:
        """Records the settings that a class or module sets as its attributes."""
        if isinstance(scope.node, ast.Lambda):
            return
        for target, value in assignments(scope.node.body if isinstance(scope.node.body, list) else ()):
            self.setting(Option(target.id, value, target, scope), namespace, unknown=unknown)

    def dictionary(self, node: ast.expr, scope: Scope, namespace: str | None = None) -> bool:
        """Records the settings in a literal dictionary, or in the one that a name stands for."""
        found = literal_dict(node, scope, self._inference)
        if found is None:
            return False
        for option in items(*found):
            self.setting(option, namespace, unknown=True)
        return True

    def update(self, call: ast.Call, scope: Scope) -> None:
        """Records the settings in ``app.conf.update(…)``."""
        for argument in call.args:
            self.dictionary(argument, scope)
        for option in options(call, scope, self._inference):
            self.setting(option, unknown=True)

    def from_object(self, call: ast.Call, scope: Scope) -> None:
        """Records the settings in what ``app.config_from_object(…)`` is given, if it is in the code base."""
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        target = call.args[0] if call.args else arguments.get("obj")
        namespace = constant(arguments.get("namespace", ast.Constant(None)))
        prefix = namespace if isinstance(namespace, str) and namespace else None
        if target is None or self.dictionary(target, scope, prefix):
            return
        if isinstance(target, ast.Constant) and isinstance(target.value, str):
            value = self._dotted(target.value, scope.module)
        else:
            value = self._inference.value(target, scope)
        if value is None:
            return
        if value.kind is Kind.MODULE and value.module is not None:
            self.scope(value.module.scope, prefix)
        elif value.kind in (Kind.CLASS, Kind.INSTANCE):
            for holder in self._inference.class_scopes(value):
                self.scope(holder, prefix, unknown=True)

    def _dotted(self, text: str, importer: Module) -> Value | None:
        """What ``"package.module"``, ``"package.module:attribute"`` or ``"package.module.Class"`` stands for."""
        dotted, _, attribute = text.partition(":")
        module = self._inference.code_base.absolute(dotted, importer)
        if module is not None:
            return self._inference.member(module, attribute) if attribute else Value(Kind.MODULE, module=module)
        parent, _, attribute = dotted.rpartition(".")
        module = self._inference.code_base.absolute(parent, importer) if parent else None
        return self._inference.member(module, attribute) if module is not None else None
