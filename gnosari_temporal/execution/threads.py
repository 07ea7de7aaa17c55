"""Plain (not async) consumer code in threads that can be told to stop."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, cast

from temporalio.exceptions import CancelledError

T = TypeVar("T")


class _Interruptible:
    """One call in a thread, into which an exception can be raised from outside while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_id: int | None = None

    def run(self, call: Callable[[], T]) -> T:
        with self._lock:
            self._thread_id = threading.get_ident()
        try:
            return call()
        finally:
            with self._lock:
                self._thread_id = None

    def interrupt(self, exception: type[BaseException]) -> None:
        with self._lock:
            if self._thread_id is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread_id), ctypes.py_object(exception))


async def run_in_thread(executor: Executor, call: Callable[[], T]) -> T:
    """Run a call in a thread with the caller's context variables.

    When the waiting task is cancelled, ``temporalio.exceptions.CancelledError`` is raised inside the thread, at
    its next Python instruction, and the thread's end is awaited: a call that swallows it goes on to its end, and
    its result counts.
    """
    interruptible = _Interruptible()
    context = contextvars.copy_context()
    future: asyncio.Future[Any] = asyncio.get_running_loop().run_in_executor(
        executor, lambda: context.run(interruptible.run, call)
    )
    while True:
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if future.done():
                raise
            interruptible.interrupt(CancelledError)
            await asyncio.wait([future])
            if not future.cancelled() and future.exception() is None:
                return cast("T", future.result())
            if isinstance(future.exception(), CancelledError):
                raise asyncio.CancelledError from None
            raise
