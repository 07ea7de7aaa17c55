"""The command pattern: which commands a team file allows.

Without a shell a command is a list of words, and a pattern is one too: ``git`` is that program with any
arguments, ``git status`` is exactly these two words, ``git log *`` allows further words after the two, ``*``
allows everything. A word of a pattern may hold ``*`` and ``?``. With a shell a command is a program of its own,
so only a pattern that equals it, or ``*``, allows it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ...errors import ToolDefinitionError, ToolInputError
from ..arguments import shown

_OPERATORS = "|&;<>()$`\n"


@dataclass(frozen=True)
class CommandPatterns:
    """What may run, and what may not although a pattern allows it."""

    allowed: tuple[str, ...]
    blocked: tuple[str, ...] = ()
    shell: bool = False

    def __post_init__(self) -> None:
        for pattern in (*self.allowed, *self.blocked):
            if not isinstance(pattern, str) or not pattern.strip():
                raise ToolDefinitionError(f"the command pattern {shown(pattern)} is empty; write git, or git status")
            try:
                shlex.split(pattern)
            except ValueError as error:
                raise ToolDefinitionError(f"the command pattern {shown(pattern)} is broken: {error}") from None

    def check(self, command: str) -> list[str]:
        """The words of an allowed command; with a shell the command as its only word.

        Raises:
            ToolInputError: it is not allowed, or means something that only a shell can do.
        """
        if not command.strip() or "\0" in command:
            raise _refused(command, "there is no command in it")
        if not self.allowed:
            raise _refused(command, "this tool allows no commands; list them as allowed_commands in its args")
        if self.shell:
            return self._check_shell(command)
        words = _words(command)
        if any(_matches(shlex.split(pattern), words) for pattern in self.blocked):
            raise _refused(command, "it is among blocked_commands")
        if not any(_matches(shlex.split(pattern), words) for pattern in self.allowed):
            raise _refused(command, f"allowed_commands are {', '.join(map(repr, self.allowed))}")
        return words

    def _check_shell(self, command: str) -> list[str]:
        text = command.strip()
        if any(text == pattern.strip() for pattern in self.blocked):
            raise _refused(command, "it is among blocked_commands")
        if "*" not in self.allowed and text not in (pattern.strip() for pattern in self.allowed):
            raise _refused(
                command,
                "with shell: true a command runs only if it equals one of allowed_commands, or '*' is among them",
            )
        return [text]


def _matches(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if list(pattern) == ["*"]:
        return True
    program, first = words[0], pattern[0]
    # A program given by its path is another one than that of the name, wherever the path leads.
    if "/" in program and ("/" not in first or ".." in program.split("/")):
        return False
    if len(pattern) == 1:
        return fnmatchcase(program, first)
    if pattern[-1] == "*":
        return len(words) >= len(pattern) - 1 and _each(pattern[:-1], words[: len(pattern) - 1])
    return len(words) == len(pattern) and _each(pattern, words)


def _each(pattern: Sequence[str], words: Sequence[str]) -> bool:
    return all(fnmatchcase(word, one) for one, word in zip(pattern, words, strict=True))


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _refused(command, f"its quotes don't match ({error})") from None
    if not words:
        raise _refused(command, "there is no command in it")
    operator = _operator(command)
    if operator:
        raise _refused(
            command,
            f"{operator!r} needs a shell and this tool runs programs without one; quote it if it is meant as "
            "text (shell: true in the tool's args allows a shell)",
        )
    return words


def _operator(command: str) -> str:
    """The first character outside of quotes that a shell would act on; empty if there is none."""
    quote, escaped = "", False
    for mark in command.strip():
        if escaped:
            escaped = False
        elif mark == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if mark == quote else quote
        elif mark in "'\"":
            quote = mark
        elif mark in _OPERATORS:
            return mark
    return ""


def _refused(command: str, why: str) -> ToolInputError:
    return ToolInputError(f"command: {shown(command)} is refused: {why}", fields=("command",))
