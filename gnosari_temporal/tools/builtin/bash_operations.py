"""BashOperationsTool: run commands that the team file allows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, validate_call

from ...durations import PositiveDuration, parse_duration
from ...errors import ToolDefinitionError
from ..base import BaseTool, InputT
from ..commands.patterns import CommandPatterns
from ..commands.process import PATH, Outcome, run_process
from ..context import current_call
from ..files.beneath import open_folder
from ..files.paths import split_path
from ..threads import in_thread

SHELL = "/bin/sh"
LONGEST_TIMEOUT = timedelta(seconds=300)


class BashOperation(BaseModel):
    """The arguments of one command."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field(description="The command to run")
    working_directory: str = Field(default=".", description="Folder to run it in, below the base directory")
    timeout: float | None = Field(default=None, gt=0, description="Seconds it may take")
    capture_output: bool = Field(default=True, description="Whether to return what it writes")


class CommandTool(BaseTool[InputT, dict[str, Any]]):
    """The base of tools that run commands: what is allowed, where, and for how long.

    Nothing runs that ``allowed_commands`` does not allow (see ``commands.patterns``). A pattern that ends in
    ``*`` allows whatever these programs can do, and many can run others: the patterns are the wall, the base
    directory is only where commands start. Commands get a small environment of their own, not the worker's.
    """

    def __init__(
        self,
        name: str,
        description: str,
        input_schema: type[BaseModel],
        *,
        base_directory: str,
        allowed_commands: list[str] | None,
        blocked_commands: list[str] | None,
        shell: bool,
        timeout: timedelta | None,
        max_output_size: int,
        env: dict[str, str] | None,
        unsafe_mode: bool,
    ) -> None:
        super().__init__(name, description, input_schema)
        if unsafe_mode:
            raise ToolDefinitionError(
                f"{name}: unsafe_mode is not known here; to allow every command write "
                "allowed_commands: ['*'], and for pipes and the like shell: true"
            )
        self.base_directory = Path(base_directory)
        self.patterns = CommandPatterns(tuple(allowed_commands or ()), tuple(blocked_commands or ()), shell)
        self.timeout = timeout or timedelta(seconds=30)
        self.max_output_size = max_output_size
        self.env = dict(env or {})

    def words_of(self, command: str) -> list[str]:
        """What to execute for an allowed command.

        Raises:
            ToolInputError: it is not allowed.
        """
        words = self.patterns.check(command)
        return [SHELL, "-c", *words] if self.patterns.shell else words

    def folder_of(self, working_directory: str) -> Path:
        """The folder, made if it is missing.

        Raises:
            ToolInputError: it is not below the base directory.
        """
        parts = split_path(working_directory, field="working_directory")
        with open_folder(self.base_directory, parts, create=True):
            return self.base_directory.joinpath(*parts).absolute()

    def environment_in(self, folder: Path) -> dict[str, str]:
        """The environment of a command: a plain one, the call's keys, and ``env`` of the args."""
        call = current_call()
        own = (
            {}
            if call is None
            else {
                "GNOSARI_TASK_ID": call.task_id,
                "GNOSARI_IDEMPOTENCY_KEY": call.idempotency_key,
                "GNOSARI_ATTEMPT": str(call.attempt),
            }
        )
        return {"PATH": PATH, "HOME": str(folder), "LANG": "C.UTF-8", "TERM": "dumb", **own, **self.env}

    async def run_command(
        self, command: str, *, working_directory: str, timeout: float | None, capture: bool
    ) -> dict[str, Any]:
        """Run one command and describe what became of it."""
        words = self.words_of(command)
        folder = await in_thread(lambda: self.folder_of(working_directory))
        longest = max(LONGEST_TIMEOUT, self.timeout)
        chosen = self.timeout if timeout is None else min(parse_duration(timeout), longest)
        outcome = await run_process(
            words,
            folder=folder,
            environment=self.environment_in(folder),
            timeout=chosen.total_seconds(),
            limit=self.max_output_size,
        )
        return _described(command, working_directory, outcome, capture)


class BashOperationsTool(CommandTool[BashOperation]):
    """One command at a time, without a shell unless the team file asks for one.

    An exit code other than 0 is a result, and so is a timeout (with what was written until then): running a
    command again by itself could do harm.
    """

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
        unsafe_mode: bool = False,
        tool_name: str = "bash_operations",
        tool_description: str = "Run allowed commands in the configured directory",
    ) -> None:
        """``allowed_commands`` are patterns: ``git``, ``git status``, ``git log *``; without any, nothing runs.

        ``base_directory`` is where commands start, relative to the worker's working directory. ``shell: true``
        runs them with ``/bin/sh -c``. ``timeout`` (30 s; a number is seconds) holds for calls that give none;
        a call may ask for up to 300 s. ``max_output_size`` is in bytes, for each of the two outputs. ``env`` is
        added to the small environment that commands get.

        Raises:
            ToolDefinitionError: a pattern is broken.
        """
        super().__init__(
            tool_name,
            tool_description,
            BashOperation,
            base_directory=base_directory,
            allowed_commands=allowed_commands,
            blocked_commands=blocked_commands,
            shell=shell,
            timeout=timeout,
            max_output_size=max_output_size,
            env=env,
            unsafe_mode=unsafe_mode,
        )

    async def run(self, input_data: BashOperation) -> dict[str, Any]:
        """Run the command.

        Raises:
            ToolInputError: it is not allowed, or there is no such program or folder.
        """
        return await self.run_command(
            input_data.command,
            working_directory=input_data.working_directory,
            timeout=input_data.timeout,
            capture=input_data.capture_output,
        )


def _described(command: str, working_directory: str, outcome: Outcome, capture: bool) -> dict[str, Any]:
    written = {"stdout": outcome.stdout, "stderr": outcome.stderr} if capture else {}
    return {
        "command": command,
        "working_directory": working_directory,
        "exit_code": outcome.exit_code,
        "timed_out": outcome.timed_out,
        **written,
        "truncated": outcome.truncated,
    }
