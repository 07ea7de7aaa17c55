"""The connection of this process: opened on first use, in a forked child anew, closed when the program ends."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import gc
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.runtime import Runtime, TelemetryConfig

from ..client import GnosariClient
from ..client.ending import QUIET_TIME, wait_at_exit
from ..consumers import current_job, duration, in_job
from ..durations import format_duration
from ..errors import EventLoopRunning, GnosariError, ResultTimeout
from ..registry import Registry
from ..settings import Settings
from .loop_thread import LoopStopped, LoopThread, StillRunning, outcome_of

T = TypeVar("T")


_FORK_PATIENCE = 0.5
"""How long a fork waits for calls of other threads, so that it can close their connection."""


@dataclass(frozen=True)
class _Configuration:
    """What the next connection is made from."""

    settings: Settings | None = None
    registry: Registry | None = None
    overrides: dict[str, Any] = field(default_factory=dict)


class _Connection:
    """A client with the runtime and the loop thread it lives on, all three of one process."""

    def __init__(self) -> None:
        # Never the SDK's default runtime: after a fork that one belongs to the parent, and hangs.
        self.runtime = Runtime(telemetry=TelemetryConfig())
        self.thread = LoopThread("gnosari-blocking")
        self.client: GnosariClient | None = None

    def connect(self, configuration: _Configuration) -> GnosariClient:
        if self.client is None:
            self.client = self.thread.run(
                GnosariClient.connect(
                    configuration.settings,
                    registry=configuration.registry,
                    runtime=self.runtime,
                    **configuration.overrides,
                )
            )
        return self.client


class _Process:
    """What this process has: at most one connection, and the calls that are under way on it.

    A forked child must not meet the runtime of its parent: its threads are gone, but what they left in the
    SDK's tables (parked threads, by address) is written to when new threads park, and corrupts the child's memory.
    So the parent closes an idle connection before it forks, and both open another when they need one.
    """

    def __init__(self) -> None:
        self.configuration = _Configuration()
        self.connection: _Connection | None = None
        self.kept: list[object] = []
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.changed = threading.Condition()
        self.calls: list[bool] = []
        """The calls under way: whether each may be repeated."""
        self.forking = False
        self.exit_registered = False
        self.ended = False

    @contextmanager
    def connected(self, repeatable: bool) -> Iterator[tuple[LoopThread, GnosariClient]]:
        """The loop thread and the client on it, connected if they are not yet, for one call."""
        with self.changed:
            self.changed.wait_for(lambda: not self.forking)
            if self.ended:
                raise GnosariError("the program is ending: its last message is sent before that")
            if self.connection is None:
                self.connection = _Connection()
                if not self.exit_registered:
                    wait_at_exit()  # handlers run in reverse: the loop thread ends, then comes the wait
                    atexit.register(self.at_exit)
                    self.exit_registered = True
            thread, client = self.connection.thread, self.connection.connect(self.configuration)
            self.calls.append(repeatable)
        try:
            yield thread, client
        finally:
            with self.changed:
                self.calls.remove(repeatable)
                self.changed.notify_all()

    def run(self, use: Callable[[GnosariClient], Awaitable[T]], timeout: float | None, repeatable: bool) -> T:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                return self._run_once(use, left, repeatable)
            except LoopStopped:
                if not repeatable:
                    raise GnosariError("the connection was closed while a call was under way") from None

    def _run_once(self, use: Callable[[GnosariClient], Awaitable[T]], timeout: float | None, repeatable: bool) -> T:
        with self.connected(repeatable) as (thread, client):
            return thread.run(_awaited(use, client), timeout)

    def close(self) -> None:
        with self.changed:
            connection, self.connection = self.connection, None
        if connection is not None:
            connection.thread.stop()

    def at_exit(self) -> None:
        if self.exit_registered:
            self.ended = True
            self.close()

    def before_fork(self) -> None:
        self.changed.acquire()
        if self.connection is None or self.connection.thread.is_current:
            return
        self.forking = True  # holds new calls back
        if not self.changed.wait_for(lambda: all(self.calls), timeout=_FORK_PATIENCE):
            return
        client = self.connection.client
        service = weakref.ref(client.temporal.service_client) if client is not None else None
        client = None
        self.close()
        self.changed.wait_for(lambda: not self.calls, timeout=_FORK_PATIENCE)
        gc.collect()  # the SDK's client is a cycle; its runtime ends when the last reference goes
        time.sleep(QUIET_TIME)
        still_used = service() if service is not None else None
        if still_used is not None:
            self.kept.append(still_used)  # somebody took a client or handle out of a call

    def after_fork_in_parent(self) -> None:
        self.kept.clear()
        self.forking = False
        self.changed.notify_all()
        self.changed.release()

    def after_fork_in_child(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            self.kept.append(connection)
        for inherited in self.kept:
            # Freed by the child, it would hang or abort. A reference that is never given back, since at exit the
            # interpreter frees what modules hold.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))
        self._start_afresh()


async def _awaited(use: Callable[[GnosariClient], Awaitable[T]], client: GnosariClient) -> T:
    return await use(client)


_process = _Process()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(
        before=_process.before_fork,
        after_in_parent=_process.after_fork_in_parent,
        after_in_child=_process.after_fork_in_child,
    )


def configure(settings: Settings | None = None, *, registry: Registry | None = None, **overrides: Any) -> None:
    """Say where the connection of this process goes; without arguments back to what the environment says.

    ``registry`` and ``overrides`` are those of ``GnosariClient.connect``. Nothing is opened; a connection that is
    open is closed, and the next call opens another.
    """
    with _process.changed:
        _process.configuration = _Configuration(settings, registry, overrides)
        _process.close()


def close() -> None:
    """Close the connection of this process, if one is open; the next call opens another."""
    _process.close()


def call(
    use: Callable[[GnosariClient], Awaitable[T]],
    timeout: timedelta | float | None = None,
    *,
    repeatable: bool = False,
    in_event_loop: bool = False,
) -> T:
    """Call an async function with the connected client, and wait in this thread for what it returns.

    For what this package has no function for: ``call(lambda client: client.send_many(messages))``. The function
    runs on an event loop of another thread; in a consumer it is the worker's loop and the worker's client.

    Args:
        use: Given the client; an awaitable is waited for.
        timeout: At most so long, in seconds as a number; then the call is cancelled.
        repeatable: It may be cancelled and run again from its start, where another thread forks meanwhile. A fork
            waits half a second for other calls, then the child inherits their connection, which is a risk to it.
        in_event_loop: Wait even where this thread runs an event loop, which stands still meanwhile.

    Raises:
        EventLoopRunning: this thread runs an event loop, which would stand still meanwhile.
        ResultTimeout: it took longer than ``timeout``.
        ServerUnreachable: nobody answers.
    """
    looping = _has_event_loop()
    if looping and not in_event_loop:
        raise EventLoopRunning(_would_block())
    limit = duration(timeout)
    seconds = None if limit is None else limit.total_seconds()
    try:
        # A job that blocks the worker's loop cannot have the worker's client do something meanwhile.
        submit = current_job().submit if in_job() and not looping else None
        if submit is not None:
            found: T = outcome_of(submit(use), seconds)
            return found
        return _process.run(use, seconds, repeatable)
    except StillRunning:
        assert limit is not None
        raise ResultTimeout(f"the call was not finished after {format_duration(limit)}") from None


def _has_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _would_block() -> str:
    if in_job():
        remedy = "write `await current_job().send(message)`, or make process() a plain `def`"
    else:
        remedy = "use `GnosariClient`, as in `await client.send(message)`, or call it in `asyncio.to_thread`"
    return f"gnosari_temporal.blocking would block the event loop that runs in this thread: {remedy}"
