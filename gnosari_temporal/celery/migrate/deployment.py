"""Deployment files that are lines of text: command lines and environment variables in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .commands import Command, command_of_words, commands_in
from .recorder import Recorder
from .rules import rule
from .sources import FileKind, Source

_VARIABLE = re.compile(r"(?:CELERY|CELERYD|CELERYBEAT|FLOWER)_[A-Z0-9_]+")
_ASSIGNED = re.compile(rf"(?<![\w$]{{1}})({_VARIABLE.pattern})\s*=")
_PROGRAM = re.compile(r"(?<![\w.-])(celery|celeryd|celerybeat|flower)(?![\w])")
_HONOURED = frozenset(
    {
        *("CELERY_WORKER_CONCURRENCY", "CELERY_WORKER_QUEUE", "CELERY_WORKER_LOGLEVEL"),
        *("CELERY_TASK_TIME_LIMIT", "CELERY_TASK_SOFT_TIME_LIMIT", "CELERY_WORKER_MAX_TASKS_PER_CHILD"),
    }
)
_CONNECTION = frozenset({"CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "CELERY_BROKER", "CELERY_BACKEND"})
_CONTINUED = (FileKind.SHELL, FileKind.DOCKERFILE, FileKind.MAKEFILE, FileKind.INI)
_INSTRUCTION = re.compile(
    r"\s*(RUN|CMD|ENTRYPOINT|ENV|ARG|HEALTHCHECK(?:\s+--\S+)*\s+CMD)\s+(.*)", re.IGNORECASE | re.DOTALL
)


def is_variable(name: str) -> bool:
    """Whether this is the name of an environment variable of Celery's or Flower's."""
    return _VARIABLE.fullmatch(name) is not None


def record_variable(recorder: Recorder, path: str, line: int, column: int, name: str) -> None:
    """Records an environment variable of Celery's."""
    id = "env.honoured" if name in _HONOURED else "env.connection" if name in _CONNECTION else "env.unused"
    recorder.at(path, line, column, id, text=f"`{name}`: {rule(id).text}")


@dataclass(frozen=True)
class _Line:
    """A line as its program reads it: continuation lines joined; ``physical`` are the lines of the file."""

    text: str
    first: int
    physical: tuple[str, ...]

    def place(self, pattern: re.Pattern[str], index: int = 0) -> tuple[int, int]:
        """Line and column of the occurrence of a pattern with this number; of the first line if there is none."""
        seen = 0
        for offset, text in enumerate(self.physical):
            for match in pattern.finditer(text):
                if seen == index:
                    return self.first + offset, match.start() + 1
                seen += 1
        return self.first, len(self.physical[0]) - len(self.physical[0].lstrip()) + 1


def scan(source: Source, recorder: Recorder) -> None:
    """Records what a Dockerfile, Procfile, Makefile, unit, shell script or environment file has of Celery's."""
    for line in _lines(source):
        for index, command in enumerate(_commands(line.text, source.kind)):
            number, column = line.place(_PROGRAM, index)
            recorder.command(source.name, number, column, command)
        for name in _variables(line.text, source.kind):
            number, column = line.place(re.compile(rf"\b{name}\b"))
            record_variable(recorder, source.name, number, column, name)


def _lines(source: Source) -> Iterator[_Line]:
    joined: list[str] = []
    first = 1
    for number, text in enumerate(source.text.split("\n"), 1):
        if not joined:
            first = number
        if source.kind in _CONTINUED and joined and text.lstrip().startswith("#"):
            continue
        joined.append(text)
        if source.kind in _CONTINUED and text.rstrip().endswith("\\"):
            continue
        if not joined[0].lstrip().startswith(("#", ";")):
            yield _Line(" ".join(part.rstrip().removesuffix("\\") for part in joined), first, tuple(joined))
        joined = []
    if joined:
        yield _Line(" ".join(part.rstrip().removesuffix("\\") for part in joined), first, tuple(joined))


def _commands(text: str, kind: FileKind) -> Iterator[Command]:
    match kind:
        case FileKind.DOCKERFILE:
            instruction = _INSTRUCTION.match(text)
            if instruction is not None and instruction[1].upper() not in ("ENV", "ARG"):
                yield from _docker(instruction[2])
        case FileKind.PROCFILE:
            yield from commands_in(text.partition(":")[2])
        case FileKind.MAKEFILE:
            yield from commands_in(text.strip().lstrip("@-+"))
        case FileKind.INI:
            value = text.partition("=")[2] if re.match(r"\s*[\w.-]+\s*=", text) else text
            yield from commands_in(value.strip().lstrip("-@+!:"))
        case FileKind.SHELL:
            yield from commands_in(text)


def _docker(text: str) -> Iterator[Command]:
    """A command of a Dockerfile, as a line of shell or as a JSON list of words."""
    if text.lstrip().startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            return
        command = command_of_words([str(word) for word in words])
        if command is not None:
            yield command
        else:
            for word in words:
                yield from commands_in(str(word))
    else:
        yield from commands_in(text)


def _variables(text: str, kind: FileKind) -> Iterator[str]:
    match kind:
        case FileKind.ENV:
            found = re.match(rf"\s*(?:export\s+)?({_VARIABLE.pattern})\s*=", text)
            if found is not None:
                yield found[1]
        case FileKind.DOCKERFILE:
            instruction = _INSTRUCTION.match(text)
            if instruction is not None and instruction[1].upper() in ("ENV", "ARG"):
                first = re.match(rf"({_VARIABLE.pattern})\b", instruction[2])
                yield from dict.fromkeys(([first[1]] if first else []) + _ASSIGNED.findall(instruction[2]))
        case FileKind.INI:
            if re.match(r"\s*environment\s*=", text, re.IGNORECASE) or text.lstrip().startswith("CELERY"):
                yield from dict.fromkeys(_ASSIGNED.findall(text))
        case FileKind.SHELL | FileKind.MAKEFILE:
            if re.match(r"\s*export\s", text):
                yield from dict.fromkeys(_ASSIGNED.findall(text))
        case FileKind.PROCFILE:
            yield from dict.fromkeys(_ASSIGNED.findall(text))
