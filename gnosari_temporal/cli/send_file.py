"""``gnosari send --file``: sends the messages of a file as a batch."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from . import output
from .batch import print_outcomes
from .exits import ExitCode
from .session import call

if TYPE_CHECKING:
    from ..client import BatchHandle, GnosariClient
    from ..execution import Signature
    from ..registry import Registry
    from .invocation import Invocation

_LOOK_SECONDS = 0.5
_REST = 9
_BLOCK = 65_536


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """What ``send --file`` was asked for."""

    path: str
    """``-`` is standard input."""
    message_type: str | None
    """Of lines that are the fields of a message."""
    batch_id: str | None
    light: bool
    as_workflows: bool
    wait: bool
    timeout: timedelta | None
    options: dict[str, Any]
    """Of the send, for all messages."""


def send_file(invocation: Invocation, given: FileOptions) -> ExitCode:
    """Send the file; prints the batch's id, or with ``wait`` the outcomes as lines of JSON."""
    from .project import load

    settings = invocation.settings()
    registry = load(settings).registry
    if given.message_type is not None:
        registry.message_type(given.message_type)

    async def work(client: GnosariClient) -> ExitCode:
        with _opened(given.path) as (source, size), _bar(given.path, size) as advance:
            handle = await client.send_many(
                _messages(source, given, registry, advance),
                batch_id=given.batch_id,
                light=given.light,
                as_workflows=given.as_workflows,
                **given.options,
            )
        if not given.wait:
            output.result(handle.id)
            return ExitCode.OK
        output.chatter(handle.id)
        if sys.stderr.isatty():
            await _watch(handle, given.timeout)
        return await print_outcomes(handle, given.timeout)

    return call(settings, work, registry=registry, debug=invocation.debug)


async def _messages(
    source: BufferedReader, given: FileOptions, registry: Registry, advance: Callable[[int], object]
) -> AsyncIterator[Signature]:
    number = 0
    async for line in _lines(source):
        number += 1
        advance(len(line) + 1)
        if line.strip():
            yield _signature(line, f"{given.path}:{number}", given.message_type, registry)


async def _lines(source: BufferedReader) -> AsyncIterator[bytes]:
    """The lines as they come; a pipe that keeps its reader waiting holds up nothing else."""
    rest = b""
    while block := await asyncio.to_thread(source.read1, _BLOCK):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


def _signature(line: bytes, where: str, message_type: str | None, registry: Registry) -> Signature:
    """The message of a line: its fields, or ``{"type": …, "message": {…}}`` with options of the send beside.

    Raises:
        InvalidMessage: one line that names the file's line and what is wrong with it.
    """
    from ..errors import InvalidMessage, RegistryError
    from ..execution import signature
    from ..messages import parse_message

    try:
        data = json.loads(line)
    except ValueError as error:
        raise InvalidMessage(f"{where}: no JSON: {error}") from None
    if not isinstance(data, dict):
        raise InvalidMessage(f"{where}: a line is a JSON object, this one is {type(data).__name__}")
    options: dict[str, Any] = {}
    if message_type is None:
        if not isinstance(data.get("type"), str) or not isinstance(data.get("message"), dict):
            raise InvalidMessage(
                f'{where}: write {{"type": "MyMessage", "message": {{…}}}}, or name the TYPE of all lines: '
                "gnosari send TYPE --file FILE"
            )
        options = {name: value for name, value in data.items() if name not in ("type", "message")}
        message_type, data = data["type"], data["message"]
    try:
        message = parse_message(registry.message_type(message_type), json.dumps(data))
        return signature(message, **options)
    except (InvalidMessage, RegistryError, TypeError) as error:
        raise InvalidMessage(f"{where}: {error}") from None


@contextmanager
def _opened(path: str) -> Iterator[tuple[BufferedReader, int | None]]:
    """The file, and its size where it has one."""
    if path == "-":
        yield cast("BufferedReader", sys.stdin.buffer), None
        return
    with _open(path) as source:
        if not source.seekable():  # a pipe
            yield source, None
            return
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        yield source, size


def _open(path: str) -> BufferedReader:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="'--file'") from None


@contextmanager
def _bar(path: str, size: int | None) -> Iterator[Callable[[int], object]]:
    """A bar of what was read of the file, on a terminal; gives the function that is told of every line's length."""
    if not sys.stderr.isatty():
        yield lambda length: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("sending {task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(path, total=size)
        yield lambda length: progress.advance(task, length)


async def _watch(handle: BatchHandle, timeout: timedelta | None) -> None:
    """A bar of the messages that are over, until all are."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("running"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, failed=0)
        async with handle.within(timeout):
            while True:
                began = time.monotonic()
                now = await handle.progress()
                progress.update(task, completed=now.done, total=now.total, failed=now.failed)
                if now.finished:
                    return
                # Looking at a large batch takes the server some time, too.
                await asyncio.sleep(max(_LOOK_SECONDS, _REST * (time.monotonic() - began)))
