"""What every part of the analysis of Python code works with, and how one argument of a call is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from .findings import Verdict
from .inference import Inference
from .options import Option, constant
from .recorder import Recorder
from .rules import Rule, rule, rule_for

_PICKLE = frozenset({"pickle", "application/x-python-serialize"})
_JSON = frozenset({"json", "application/json"})
_DYNAMIC = {"task": "task.option.dynamic", "apply_async": "apply_async.dynamic"}


@dataclass(frozen=True)
class Context:
    """One analysis of one code base."""

    inference: Inference
    recorder: Recorder
    assigned: frozenset[str]
    """The attributes that the code base sets on any object: they are its own, not Celery's."""
    priorities: range
    """The priorities that the app's style allows."""

    def record_option(self, call: str, option: Option) -> None:
        """Records one argument of a kind of call (``task``, ``apply_async``, ``retry``, ``app``) by its rule."""
        module = option.scope.module
        if not option.name:
            if call in _DYNAMIC:
                self.recorder.node(module, option.node, _DYNAMIC[call])
            return
        value = constant(option.value)
        found = rule_for(f"option:{call}.{option.name}")
        if option.name == "serializer":
            found = serializer_rule(value) or found
        if found is None or (found.verdict is Verdict.DOES_NOT_RUN and value is None):
            return
        self.recorder.node(module, option.node, found, text=said_of(option.name, found))
        if option.name == "priority":
            self.check_priority(option)

    def check_priority(self, option: Option) -> None:
        """Records a priority that is written out and lies outside the style's range."""
        value = constant(option.value)
        if isinstance(value, int) and not isinstance(value, bool) and value not in self.priorities:
            self.recorder.node(option.scope.module, option.value, "priority.out-of-range")


def serializer_rule(value: object) -> Rule | None:
    """The rule of a serializer that is refused; ``None`` for JSON and for what is not written out."""
    if not isinstance(value, str) or value.split(";")[0] in _JSON:
        return None
    return rule("serializer.pickle" if value in _PICKLE else "serializer.other")


def said_of(name: str, found: Rule) -> str:
    """The text of a rule, with the name that it is about where the rule has several."""
    return f"`{name}`: {found.text}" if len(found.keys) > 1 else found.text
