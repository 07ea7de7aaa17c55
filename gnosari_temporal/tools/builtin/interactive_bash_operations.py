"""InteractiveBashOperationsTool: programs that ask and wait for answers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, validate_call

from ...errors import ToolInputError
from ..commands.sessions import Session, end_session, find_session, start_session
from ..threads import in_thread
from .bash_operations import CommandTool

_KEYS: Final = {
    "enter": "\r",
    "tab": "\t",
    "space": " ",
    "escape": "\x1b",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "ctrl+c": "\x03",
    "ctrl+d": "\x04",
}


class InteractiveOperation(BaseModel):
    """The arguments of one call."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["start_session", "check_session", "send_input", "terminate_session"] = Field(
        description="Start a program, read what it wrote, type something, or end it"
    )
    command: str | None = Field(default=None, description="The program to start")
    working_directory: str = Field(default=".", description="Folder to start it in, below the base directory")
    session_id: str | None = Field(default=None, description="The session, for every action but start_session")
    input_text: str | None = Field(default=None, description="Text to type; end it with a newline to enter it")
    special_keys: list[str] | None = Field(default=None, description=f"Keys to press: {', '.join(_KEYS)}")
    read_timeout: float = Field(default=10, gt=0, le=300, description="Seconds to wait for output")


class InteractiveBashOperationsTool(CommandTool[InteractiveOperation]):
    """Interactive programs on a terminal, kept from one call to the next in the worker's process.

    Use it only where one worker process serves the queue: another process does not have the session.
    """

    async_refusal = (
        "its sessions live in the worker process that started them, and an async call may run on any worker; "
        "use mode: sync, or bash_operations for commands that end by themselves"
    )

    @validate_call
    def __init__(
        self,
        base_directory: str = "./workspace",
        allowed_commands: list[str] | None = None,
        blocked_commands: list[str] | None = None,
        shell: bool = False,
        max_output_size: Annotated[int, Field(gt=0)] = 256 * 1024,
        env: dict[str, str] | None = None,
        unsafe_mode: bool = False,
        tool_name: str = "interactive_bash_operations",
        tool_description: str = "Run interactive programs: start, read, type, end",
    ) -> None:
        """The arguments of BashOperationsTool. A session without a call for 10 minutes may be ended."""
        super().__init__(
            tool_name,
            tool_description,
            InteractiveOperation,
            base_directory=base_directory,
            allowed_commands=allowed_commands,
            blocked_commands=blocked_commands,
            shell=shell,
            timeout=None,
            max_output_size=max_output_size,
            env=env,
            unsafe_mode=unsafe_mode,
        )

    async def run(self, input_data: InteractiveOperation) -> dict[str, Any]:
        """Do the action; the result has what the program wrote since the last call.

        Raises:
            ToolInputError: the command is not allowed, or this process has no such session.
        """
        if input_data.action == "start_session":
            session = await self._start(input_data)
        else:
            session = find_session(_required(input_data, "session_id"))
        if input_data.action == "send_input":
            typed = _typed(input_data)
            await in_thread(lambda: session.write(typed))
        if input_data.action == "terminate_session":
            written, dropped = await in_thread(lambda: session.read(0.1))
            code: int | None = await in_thread(lambda: end_session(session))
        else:
            written, dropped = await in_thread(lambda: session.read(input_data.read_timeout))
            code = session.exit_code
        return _described(session, written, dropped, code)

    async def _start(self, wanted: InteractiveOperation) -> Session:
        command = _required(wanted, "command")
        words = self.words_of(command)
        folder = await in_thread(lambda: self.folder_of(wanted.working_directory))
        return await in_thread(
            lambda: start_session(
                words,
                command=command,
                folder=folder,
                environment=self.environment_in(folder),
                limit=self.max_output_size,
            )
        )


def _required(wanted: InteractiveOperation, field: str) -> str:
    value = getattr(wanted, field)
    if not value:
        raise ToolInputError(f"{field}: missing; {wanted.action} needs it", fields=(field,))
    return str(value)


def _typed(wanted: InteractiveOperation) -> bytes:
    keys = []
    for name in wanted.special_keys or ():
        key = _KEYS.get(name.lower())
        if key is None:
            raise ToolInputError(
                f"special_keys: there is no key {name!r} (there are: {', '.join(_KEYS)})", fields=("special_keys",)
            )
        keys.append(key)
    text = (wanted.input_text or "") + "".join(keys)
    if not text:
        raise ToolInputError("input_text: missing; send_input needs it or special_keys", fields=("input_text",))
    return text.encode()


def _described(session: Session, written: str, dropped: bool, code: int | None) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "command": session.command,
        "output": written,
        "truncated": dropped,
        "running": code is None,
        "exit_code": code,
    }
