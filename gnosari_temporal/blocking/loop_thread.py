"""The loop thread: an event loop for code that has none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK_UP = 0.2
"""A blocked thread looks up this often, so that Ctrl-C and the cancellation of a consumer are seen everywhere."""
_STOP_TIMEOUT = 5.0


class StillRunning(Exception):
    """The wait is over before the work is."""


class LoopStopped(Exception):
    """The loop was stopped before the work was done."""


class LoopThread:
    """A daemon thread that runs an event loop; started at once."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._stopped = False
        # A daemon: the interpreter waits for other threads before it calls what `atexit` registered, and so for ever.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the calling code runs in this thread."""
        return threading.current_thread() is self._thread

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the loop and wait for its outcome.

        Raises:
            StillRunning: it took longer than ``timeout`` seconds; it is cancelled.
            LoopStopped: the thread was stopped before.
        """
        with self._lock:
            if self._stopped:
                work.close()
                raise LoopStopped
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return outcome_of(future, timeout)
        except concurrent.futures.CancelledError:
            if self._stopped:
                raise LoopStopped from None
            raise

    def stop(self) -> None:
        """Cancel what runs on the loop, end the thread and wait for it; it may be stopped twice."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_TIMEOUT)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()


def outcome_of(future: concurrent.futures.Future[T], timeout: float | None = None) -> T:
    """Wait in this thread for a future of a loop in another; it is cancelled if the wait ends early.

    Raises:
        StillRunning: it is not done after ``timeout`` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        while not future.done():
            left = _LOOK_UP if deadline is None else min(_LOOK_UP, deadline - time.monotonic())
            if left <= 0:
                raise StillRunning
            concurrent.futures.wait((future,), timeout=left)
    except BaseException:
        future.cancel()
        raise
    return future.result()
