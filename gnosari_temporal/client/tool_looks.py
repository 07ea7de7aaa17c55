"""The look at a tool: what this process can tell of one before a call is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import GnosariError, ToolDefinitionError, ToolInputError
from ..execution.options import SendOptions
from ..settings import Settings
from ..tools.allowlist import AllowedTools
from ..tools.expansion import Expansion
from ..tools.job_options import async_defaults_of, job_options
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
        said = async_defaults_of(self.tool)
        options = job_options(spec, priority, said)
        return options.model_copy(update={"priority": options.priority or said.get("priority") or spec.priority})
