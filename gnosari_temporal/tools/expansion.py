"""The expansion: a tool's ``args`` with ``${VAR}`` resolved on the worker, and what of it must not come out again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from ..settings import expand_tree

_SHORTEST = 4
"""Characters of a value that is looked for in errors: shorter ones are in every text."""
_SHORTEST_SECRET = 6
"""Characters of a secret that is looked for in results."""
_SHORTEST_PART = 16
"""Characters by which a longer value is recognised where a text cuts it."""
_WORD_LENGTH = 8
"""Below it a value is taken for a word, and looked for as a whole word only."""
_SECRET_NAMES = re.compile(r"auth|token|key|secret|cookie|passw|pwd|session|credential|signature|dsn", re.IGNORECASE)
_URL_WITH_PASSWORD = re.compile(r"\w+://[^/\s:@]*:[^/\s@]+@")


@dataclass(frozen=True)
class Expansion:
    """Resolved ``args`` and the variables of the environment that went into them."""

    args: dict[str, Any]
    used: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables with their values; defaults written in the file are none."""

    @classmethod
    def of(cls, args: Mapping[str, Any], environ: Mapping[str, str] | None) -> Expansion:
        """Resolve ``${VAR}`` and ``${VAR:default}``; without ``environ`` by this process's environment.

        Raises:
            SettingsError: a variable without default is not set.
        """
        used: dict[str, str] = {}
        return cls(dict(expand_tree(args, environ, used=used)), used)

    def veil_error(self, text: str) -> str:
        """An error's text with every value that was filled in replaced by its ``${VAR}``."""
        return _replaced(text, [(name, value) for name, value in self.used.items() if len(value) >= _SHORTEST])

    def veil_result(self, value: Any) -> Any:
        """A tool's result with credentials replaced by their ``${VAR}``, for tools that echo what they were given.

        A credential is a variable that is named like one, or a URL with a password; hosts and folders stay readable.
        """
        secrets = [(name, text) for name, text in self.used.items() if _is_secret(name, text)]
        return _veiled(value, lambda text: _replaced(text, secrets)) if secrets else value


def _is_secret(name: str, value: str) -> bool:
    named = bool(_SECRET_NAMES.search(name)) and len(value) >= _SHORTEST_SECRET
    return named or bool(_URL_WITH_PASSWORD.match(value))


def _veiled(value: Any, veil: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return veil(value)
    if isinstance(value, Mapping):
        return {veil(key) if isinstance(key, str) else key: _veiled(item, veil) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_veiled(item, veil) for item in value]
    return value


def _replaced(text: str, variables: Iterable[tuple[str, str]]) -> str:
    found = [(form, name) for name, value in variables for form in _forms(value)]
    for form, name in sorted(found, key=lambda item: len(item[0]), reverse=True):
        text = _without(text, form, f"${{{name}}}")
    return text


def _forms(value: str) -> set[str]:
    """How a value may stand in a text: as it is, quoted for a URL, or escaped as in a repr or JSON."""
    plain = {value, value.strip(), " ".join(value.split())}
    forms = {form for text in plain for form in (text, quote(text), quote(text, safe=""), quote_plus(text))}
    forms |= {escaped[1:-1] for text in plain for escaped in (repr(text), json.dumps(text))}
    return {form for form in forms if len(form) >= _SHORTEST}


def _without(text: str, form: str, stand_in: str) -> str:
    if len(form) < _WORD_LENGTH:
        return re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", lambda _: stand_in, text)
    if len(form) <= _SHORTEST_PART:
        return text.replace(form, stand_in)
    head, parts, position = form[:_SHORTEST_PART], [], 0
    while (start := text.find(head, position)) >= 0:
        end = start + len(head)
        while end < len(text) and end - start < len(form) and text[end] == form[end - start]:
            end += 1
        parts += [text[position:start], stand_in]
        position = end
    return "".join((*parts, text[position:]))
