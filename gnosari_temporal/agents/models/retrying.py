"""What a provider's answer says about trying again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_RETRYABLE = frozenset({408, 409, 425, 429})
_FINAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
LONGEST_DELAY = 3600.0
"""Seconds; a provider that asks for more is asked again after this long."""


def is_retryable(status: int, headers: Mapping[str, str], body: Any) -> bool:
    """Whether the same call may succeed later: rate limits and server errors, unless the provider says otherwise."""
    said = headers.get("x-should-retry", "").lower()
    if said in ("true", "false"):
        return said == "true"
    if isinstance(body, Mapping) and body.get("code") in _FINAL_CODES:
        return False
    return status in _RETRYABLE or status >= 500


def delay_asked(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that the provider asks to wait (``retry-after-ms``, or ``retry-after`` as seconds or a date)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) * unit
        except ValueError:
            seconds = _until(text, now or datetime.now(UTC))
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, LONGEST_DELAY)
    return None


def _until(text: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return math.nan
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds(), 0.0)


def provider_message(body: Any, default: str) -> str:
    """What the provider says is wrong, on one line."""
    said: Any = body
    if isinstance(said, Mapping):
        inner = said.get("error", said)
        said = inner.get("message", inner) if isinstance(inner, Mapping) else inner
    return " ".join(str(said or default).split())
