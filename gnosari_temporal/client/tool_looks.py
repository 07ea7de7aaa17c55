"""The look at a tool: what this process can tell of one before a call is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import GnosariError, ToolDefinitionError, ToolInputError
from ..execution.options import SendOptions
from ..retry import RetrySpec
from ..settings import Settings
from ..tools.allowlist import AllowedTools
from ..tools.expansion import Expansion
from ..tools.loading import async_refusal_of, check_arguments, input_schema_of, load_class, make_tool
from ..tools.spec import ToolSpec


@dataclass(frozen=True)
class ToolLook:
    """A tool as far as it can be made here: its module, a variable or a package may be on the workers only."""

    tool_class: type | None = None
    tool: Any = None
    problem: GnosariError | None = None
    """Why there is no tool."""

    @classmethod
    def at(cls, spec: ToolSpec, allowed: AllowedTools, settings: Settings) -> ToolLook:
        """Import the tool's class and make an instance, if that is possible here."""
        tool_class: type | None = None
        try:
            tool_class = load_class(spec.module, spec.class_name, allowed)
            args = Expansion.of(spec.args, settings.environ or None).args
            return cls(tool_class, make_tool(tool_class, args))
        except GnosariError as error:
            return cls(tool_class, problem=error)

    @property
    def refusal(self) -> str | None:
        """Why the tool cannot run in async mode; None: it can, as far as is known here."""
        return async_refusal_of(self.tool_class) if self.tool_class is not None else None

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the tool's arguments; an open object if it is not known here."""
        return input_schema_of(self.tool) if self.tool is not None else {"type": "object"}

    @property
    def description(self) -> str:
        """What the tool says of itself."""
        return str(getattr(self.tool, "description", "") or "")

    def check(self, arguments: Mapping[str, Any], *, strictly: bool) -> None:
        """Refuse arguments here already; what this process lacks for the check is an error only ``strictly``.

        Raises:
            ToolInputError: the arguments are refused; the fields are named.
            ToolDefinitionError: the check cannot be made.
        """
        if self.tool is None:
            return
        try:
            check_arguments(self.tool, arguments)
        except ToolInputError:
            raise
        except ToolDefinitionError:
            if strictly:
                raise

    def job_options(self, spec: ToolSpec, priority: int | None) -> SendOptions:
        """How the job of a call runs: as the caller says, else the team file, else the tool itself, else by default."""
        metadata = getattr(self.tool, "get_async_metadata", None)
        said: Mapping[str, Any] = metadata() if callable(metadata) else {}
        retry = spec.retry
        if retry is None and not {"max_retries", "retry_delay"}.isdisjoint(said):
            retry = _retry_of(said)
        return SendOptions(
            priority=priority or (spec.priority if spec.priority_written else said.get("priority")) or spec.priority,
            retry=retry,
            timeout=spec.timeout or said.get("timeout"),
        )


def _retry_of(said: Mapping[str, Any]) -> RetrySpec:
    """The policy of Gnosari's ``max_retries`` and ``retry_delay``, which is in seconds and doubles."""
    retries, delay = said.get("max_retries"), said.get("retry_delay")
    written: dict[str, Any] = {}
    if retries is not None:
        written["maximum_attempts"] = int(retries) + 1
    if delay is not None:
        written["initial_interval"] = delay
    return RetrySpec(**written)
