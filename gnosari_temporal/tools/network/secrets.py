"""Credentials in headers: which values are, and taking them out of what a server sends back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NAMES = re.compile(r"auth|token|key|secret|cookie|passw|session|credential|signature", re.IGNORECASE)
_SHORTEST = 6
VEIL = "***"


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The credentials among the values of headers, long ones first; of ``Bearer abc`` also ``abc``."""
    found: set[str] = set()
    for name, value in headers.items():
        if _NAMES.search(name):
            found.update((value, value.rpartition(" ")[2]))
    return tuple(sorted((value for value in found if len(value) >= _SHORTEST), key=len, reverse=True))


def veil(value: Any, secrets: tuple[str, ...]) -> Any:
    """``value`` with every secret in its texts replaced: servers that echo a request would give them away."""
    if not secrets:
        return value
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, VEIL)
        return value
    if isinstance(value, Mapping):
        return {veil(key, secrets): veil(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [veil(item, secrets) for item in value]
    return value
