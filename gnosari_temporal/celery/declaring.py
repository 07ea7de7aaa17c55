"""What may be declared: options, settings and attributes of Celery's are taken, taken without effect, or refused, as
the table of ``gnosari migrate`` says."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .context import NotSupportedAttribute
from .exceptions import ImproperlyConfigured, NotSupported
from .migrate.findings import Verdict
from .migrate.rules import Rule, rule_for
from .migrate.setting_names import new_name

logger = logging.getLogger("gnosari_temporal.celery")

JSON_NAMES = frozenset({"json", "application/json"})
_WITHOUT_EFFECT = "Accepted without effect"
_SERIALIZERS = frozenset({"task_serializer", "result_serializer", "event_serializer"})
_CONTENTS = frozenset({"accept_content", "result_accept_content"})
_FALSY_IS_UNSET = frozenset({"beat_schedule", "task_annotations"})
_told: set[str] = set()


def check_task_options(task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a task's decorator that become its attributes.

    Raises:
        NotSupported: one has no counterpart here.
    """
    kept: dict[str, Any] = {}
    for name, value in options.items():
        rule = rule_for(f"option:task.{name}")
        if name == "serializer":
            check_serializer(value, f"task {task}")
        if rule is not None and rule.verdict is Verdict.DOES_NOT_RUN:
            if value in (None, False):
                continue
            raise NotSupported(f"task {task}: {name}= is not supported. {_words(rule)}")
        if rule is not None and rule.text.startswith(_WITHOUT_EFFECT):
            _tell_once(f"{name}= of task {task}", rule)
        kept[name] = value
    return kept


def check_call_options(task: str, options: Mapping[str, Any]) -> None:
    """Refuse options of ``apply_async`` that have no counterpart here.

    Raises:
        NotSupported: there is one.
    """
    for name, value in options.items():
        if value is None:
            continue
        if name == "serializer":
            check_serializer(value, f"call of {task}")
        rule = rule_for(f"option:apply_async.{name}")
        if rule is not None and rule.verdict is Verdict.DOES_NOT_RUN:
            raise NotSupported(f"call of {task}: {name}= is not supported. {_words(rule)}")
        if rule is not None and rule.text.startswith(_WITHOUT_EFFECT):
            _tell_once(f"{name}= of a call", rule)


def check_setting(name: str, value: Any, namespace: str | None = None) -> str:
    """The new name of a setting that is taken; its value is checked.

    Raises:
        ImproperlyConfigured: it has no counterpart here, or would change its meaning.
    """
    setting = new_name(name, namespace)
    if setting is None:
        return name
    rule = rule_for(f"setting:{setting}")
    assert rule is not None
    if setting in _SERIALIZERS:
        check_serializer(value, setting)
    elif setting in _CONTENTS:
        for content in value or ():
            check_serializer(content, setting)
    elif rule.verdict is Verdict.DOES_NOT_RUN:
        harmless = value is None or (not value and setting in _FALSY_IS_UNSET)
        if not harmless and not (setting == "task_default_exchange_type" and value == "direct"):
            raise ImproperlyConfigured(f"setting {name} = {value!r} is not supported. {_words(rule)}")
    elif rule.text.startswith(_WITHOUT_EFFECT) and value not in (None, ()):
        _tell_once(f"setting {name}", rule)
    return setting


def check_serializer(value: Any, where: str) -> None:
    """Refuse what is not JSON.

    Raises:
        ImproperlyConfigured: it is something else.
    """
    if value is not None and value not in JSON_NAMES:
        rule = rule_for("serializer.pickle")
        remedy = rule.remedy if rule else "Send JSON: ids instead of objects, plain data instead of instances."
        raise ImproperlyConfigured(
            f"{where}: serializer {value!r} is not supported, what is sent here is JSON. {remedy} Set it to 'json'."
        )


def no_such_attribute(kind: str, name: str) -> AttributeError:
    """The error for an attribute that an object of this kind does not have here."""
    rule = rule_for(f"{kind}.{name}")
    if rule is not None and rule.verdict is Verdict.DOES_NOT_RUN:
        return NotSupportedAttribute(f"the {kind} has no {name!r} here. {_words(rule)}")
    return NotSupportedAttribute(f"the {kind} has no attribute {name!r}")


def _words(rule: Rule) -> str:
    return f"{rule.text} {rule.remedy}".strip().replace("`", "")


def _tell_once(what: str, rule: Rule) -> None:
    if what not in _told:
        _told.add(what)
        logger.info("%s: %s", what, rule.text.replace("`", ""))
