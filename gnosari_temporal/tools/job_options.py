"""How the job of a tool call runs: as the caller says, else the team file, else the tool itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..execution.options import SendOptions
from ..retry import RetrySpec
from .spec import ToolSpec


def async_defaults_of(tool: Any) -> dict[str, Any]:
    """What a tool of the kind ``AsyncTool`` says of its jobs: ``priority``, ``timeout``, ``max_retries``,
    ``retry_delay``; times are seconds. Empty for every other tool."""
    metadata = getattr(tool, "get_async_metadata", None)
    return dict(metadata()) if callable(metadata) else {}


def job_options(spec: ToolSpec, priority: int | None = None, said: Mapping[str, Any] | None = None) -> SendOptions:
    """The options of a call's job, without its queue.

    ``priority`` is what the caller asked for; the options have none if neither the caller nor the team file says one.
    ``said`` is what ``async_defaults_of`` the tool gives.
    """
    given = said or {}
    return SendOptions(
        priority=priority or (spec.priority if spec.priority_written else None),
        retry=spec.retry or _retry_of(given),
        timeout=spec.timeout or given.get("timeout"),
    )


def _retry_of(said: Mapping[str, Any]) -> RetrySpec | None:
    retries, delay = said.get("max_retries"), said.get("retry_delay")
    written: dict[str, Any] = {}
    if retries is not None:
        written["maximum_attempts"] = int(retries) + 1
    if delay is not None:
        written["initial_interval"] = delay
    return RetrySpec(**written) if written else None
