"""The signals that end a worker: the first lets running jobs finish, the second ends the process at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """While entered, SIGINT and SIGTERM set ``requested``; the second one ends the process with code 128 + n, unless
    ``once`` is set.

    Handlers run in the main thread between two instructions, so the second signal ends a process whose event
    loop is held up, too. Enter it in the main thread, inside the event loop.
    """

    def __init__(
        self,
        *,
        on_request: Callable[[], None] = lambda: None,
        at_once: Callable[[], None] = lambda: None,
        once: bool = False,
    ) -> None:
        """``on_request`` is told of the first signal; ``at_once`` runs before the second ends the process.

        ``once`` is for a process whose supervisor kills it if need be: a service manager that signals every process
        of a service, as systemd does, sends what the supervisor passes on as well, and the jobs would be cut short.
        """
        self.requested = asyncio.Event()
        self._on_request = on_request
        self._at_once = at_once
        self._once = once
        self._signals = 0
        self._before: dict[signal.Signals, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for number in STOPPING:
            self._before[number] = signal.signal(number, self._received)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def request(self) -> None:
        """Ask to stop as the first signal does; any number of times, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._request)

    def _request(self) -> None:
        if not self.requested.is_set():
            self.requested.set()
            self._on_request()

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1 and not self._once:
            self._at_once()
            os._exit(128 + number)
        self.request()
