"""Blocking work of tools: each call in a thread of its own.

asyncio's default pool has a handful of threads and resolves host names too, so a few slow statements would hold up
every other tool of the worker. How many calls run at once is the worker's to say, by its slots.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_PREFIX = "gnosari-tool"


async def in_thread(work: Callable[[], T], on_cancel: Callable[[], None] | None = None) -> T:
    """Run ``work`` to its end, with the caller's context variables.

    A cancellation calls ``on_cancel`` and is raised when the work has ended, so that a call reported as cancelled
    does nothing any more. The work itself is not interrupted: it is ours, and bounded.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix=_PREFIX)
    context = contextvars.copy_context()
    future = asyncio.get_running_loop().run_in_executor(pool, lambda: context.run(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        await asyncio.wait([future])
        raise
    finally:
        pool.shutdown(wait=False)


async def interruptible(work: Callable[[], T]) -> T:
    """Run somebody else's blocking ``work``, with the caller's context variables.

    A cancellation raises ``temporalio.exceptions.CancelledError`` inside it, at its next Python instruction.
    """
    # Here, so that whoever only describes tools does not import Temporal's SDK.
    from ..execution.threads import run_in_thread

    pool = ThreadPoolExecutor(1, thread_name_prefix=_PREFIX)
    try:
        return await run_in_thread(pool, work)
    finally:
        pool.shutdown(wait=False)
