"""The table of constructs: what ``gnosari migrate`` knows, and what becomes of each.

``docs/migrating-from-celery.md`` shows the same table; a test holds the two equal.
"""

from __future__ import annotations

from .apps import APPS
from .calls import CALLS
from .canvas import CANVAS
from .deployment import DEPLOYMENT
from .imports import IMPORTS
from .refused import REFUSED
from .rule import Rule
from .settings import SETTINGS
from .tasks import TASKS

__all__ = ["BY_ID", "RULES", "SECTIONS", "Rule", "rule", "rule_for"]

SECTIONS: dict[str, tuple[Rule, ...]] = {
    "Imports": IMPORTS,
    "The app": APPS,
    "Tasks": TASKS,
    "Calls": CALLS,
    "Canvas and results": CANVAS,
    "Signals, beat, serializers, test fixtures": REFUSED,
    "Settings": SETTINGS,
    "Commands, environment, requirements, files": DEPLOYMENT,
}
RULES: tuple[Rule, ...] = tuple(rule for rules in SECTIONS.values() for rule in rules)
BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
_BY_KEY: dict[str, Rule] = {key: rule for rule in RULES for key in rule.keys}
_PREFIXES: dict[str, Rule] = {key[:-1]: rule for key, rule in _BY_KEY.items() if key.endswith("*")}


def rule(id: str) -> Rule:
    """The rule of this id; ``KeyError`` if there is none."""
    return BY_ID[id]


def rule_for(key: str) -> Rule | None:
    """The rule that a key belongs to: the exact one, else the longest that ends in ``*``, else ``None``."""
    if key in _BY_KEY:
        return _BY_KEY[key]
    closest = max((prefix for prefix in _PREFIXES if key.startswith(prefix)), key=len, default=None)
    return _PREFIXES[closest] if closest is not None else None
