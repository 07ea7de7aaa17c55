"""BashTool: one command or several in a row."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator, validate_call

from ...durations import PositiveDuration
from ...errors import ToolInputError
from .bash_operations import CommandTool


class BashCommands(BaseModel):
    """The arguments of one call: a command, or several."""

    model_config = ConfigDict(extra="forbid")

    command: str | None = Field(default=None, description="The command to run")
    commands: list[str] | None = Field(default=None, description="Commands to run one after the other")
    working_directory: str = Field(default=".", description="Folder to run in, below the base directory")
    timeout: float | None = Field(default=None, gt=0, description="Seconds that each command may take")
    capture_output: bool = Field(default=True, description="Whether to return what they write")
    stop_on_error: bool = Field(default=True, description="Whether a command that fails ends the row")

    @model_validator(mode="after")
    def _not_both(self) -> BashCommands:
        if self.command is not None and self.commands is not None:
            raise ValueError("give command or commands, not both")
        return self


class BashTool(CommandTool[BashCommands]):
    """Like BashOperationsTool, for rows of commands; each of them must be allowed before the first one runs."""

    @validate_call
    def __init__(
        self,
        base_directory: str = "./workspace",
        allowed_commands: list[str] | None = None,
        blocked_commands: list[str] | None = None,
        shell: bool = False,
        timeout: PositiveDuration | None = None,
        max_output_size: Annotated[int, Field(gt=0)] = 256 * 1024,
        env: dict[str, str] | None = None,
        env_vars: dict[str, str] | None = None,
        commands: list[str] | None = None,
        unsafe_mode: bool = False,
        tool_name: str = "bash",
        tool_description: str = "Run one or more allowed commands in the configured directory",
    ) -> None:
        """The arguments of BashOperationsTool; ``commands`` run when a call gives none, ``env_vars`` is ``env``."""
        super().__init__(
            tool_name,
            tool_description,
            BashCommands,
            base_directory=base_directory,
            allowed_commands=allowed_commands,
            blocked_commands=blocked_commands,
            shell=shell,
            timeout=timeout,
            max_output_size=max_output_size,
            env={**(env_vars or {}), **(env or {})},
            unsafe_mode=unsafe_mode,
        )
        self.commands = tuple(commands or ())

    async def run(self, input_data: BashCommands) -> dict[str, Any]:
        """Run the commands in order; ``exit_code`` is that of the last one that ran.

        Raises:
            ToolInputError: one of them is not allowed, or there is none.
        """
        wanted = input_data.commands or ([input_data.command] if input_data.command else list(self.commands))
        if not wanted:
            raise ToolInputError("command: missing; give command or commands", fields=("command",))
        for command in wanted:
            self.words_of(command)
        results: list[dict[str, Any]] = []
        for command in wanted:
            done = await self.run_command(
                command,
                working_directory=input_data.working_directory,
                timeout=input_data.timeout,
                capture=input_data.capture_output,
            )
            results.append(done)
            if done["exit_code"] != 0 and input_data.stop_on_error:
                break
        return {
            "exit_code": results[-1]["exit_code"],
            "results": results,
            "not_run": wanted[len(results) :],
        }
