"""The soft time limit: an exception that is raised inside a task's body after so long."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from .exceptions import SoftTimeLimitExceeded


def within_soft_limit(seconds: float | None) -> Callable[[Callable[[], Any]], Any] | None:
    """Calls a body in this thread, and raises ``SoftTimeLimitExceeded`` into it after so many seconds.

    It is raised at the next Python instruction: a body that waits in C code hears of it afterwards.
    """
    if not seconds:
        return None

    def around(body: Callable[[], Any]) -> Any:
        lock, thread_id, over = threading.Lock(), threading.get_ident(), False

        def strike() -> None:
            with lock:
                if not over:
                    _raise_in(thread_id)

        timer = threading.Timer(seconds, strike)
        timer.daemon = True
        timer.start()
        try:
            return body()
        finally:
            with lock:
                over = True
            timer.cancel()

    return around


def within_soft_limit_async(seconds: float | None) -> Callable[[Awaitable[Any]], Awaitable[Any]] | None:
    """Awaits a body, and raises ``SoftTimeLimitExceeded`` where it waits after so many seconds."""
    if not seconds:
        return None

    async def around(body: Awaitable[Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        struck = False

        def strike() -> None:
            nonlocal struck
            struck = True
            task.cancel()

        def is_struck() -> bool:
            nonlocal struck
            was, struck = struck, False
            return was

        timer = asyncio.get_running_loop().call_later(seconds, strike)
        try:
            return await _driven(body, task, is_struck)
        finally:
            timer.cancel()

    return around


@types.coroutine
def _driven(body: Awaitable[Any], task: asyncio.Task[Any], is_struck: Callable[[], bool]) -> Generator[Any, Any, Any]:
    """Runs a coroutine step by step, so that the cancellation by our timer reaches it as another exception."""
    steps = body.__await__()
    error: BaseException | None = None
    while True:
        try:
            waited_for = next(steps) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        error = None
        try:
            yield waited_for
        except asyncio.CancelledError as cancelled:
            if is_struck():
                task.uncancel()
                error = SoftTimeLimitExceeded()
            else:
                error = cancelled
        except BaseException as other:  # noqa: BLE001
            error = other


def _raise_in(thread_id: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(SoftTimeLimitExceeded))
