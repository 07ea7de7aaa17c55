"""The job of a message that was sent without an event loop."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Generic

from typing_extensions import TypeVar

from ..client import GnosariClient, JobHandle, JobStatus
from ..client.handle import still_running
from ..consumers import duration
from ..errors import ResultTimeout
from ..routing import split_job_id
from .process import call

R = TypeVar("R", default=Any)
T = TypeVar("T")


class BlockingJob(Generic[R]):
    """A job on the server: wait for it, look at it, cancel it; every method blocks the calling thread.

    It holds ids and no connection, so it may be used in other threads, kept over a fork and pickled.
    """

    def __init__(self, id: str, *, run_id: str | None = None, result_type: type[R] | None = None) -> None:
        self.id = id
        """The job's id, which is its workflow id: ``<message type>/<message id>``."""
        self.run_id = run_id
        """The run that it is pinned to; None: the latest."""
        self.result_type = result_type

    def __repr__(self) -> str:
        return f"<BlockingJob {self.id}>"

    @property
    def message_id(self) -> str:
        """The id of the job's message."""
        return split_job_id(self.id)[1]

    def result(self, timeout: timedelta | float | None = None) -> R:
        """Wait for the result; ``timeout`` in seconds as a number.

        Raises: what ``JobHandle.result`` raises.
        """
        limit = duration(timeout)
        ends = None if limit is None else time.monotonic() + limit.total_seconds()

        async def wait(handle: JobHandle[R]) -> R:
            if ends is None:
                return await handle.result()
            try:
                return await handle.result(max(0.0, ends - time.monotonic()))
            except ResultTimeout:
                assert limit is not None
                raise still_running(self.id, limit) from None

        return self._call(wait, repeatable=True)

    def status(self) -> JobStatus:
        """Where the job stands; NOT_FOUND for one that the server does not have (any more)."""
        return self._call(lambda handle: handle.status(), repeatable=True)

    def progress(self) -> Any:
        """What the consumer last gave to ``heartbeat``; lags by up to a second."""
        return self._call(lambda handle: handle.progress(), repeatable=True)

    def cancel(self) -> None:
        """Ask the job to stop: its consumer is cancelled within about a second.

        Raises:
            JobNotFound: the server has no such job, or it is over.
        """
        self._call(lambda handle: handle.cancel())

    def terminate(self, reason: str = "") -> None:
        """End the job at once; its consumer is not asked.

        Raises:
            JobNotFound: the server has no such job, or it is over.
        """
        self._call(lambda handle: handle.terminate(reason))

    def approve(self, *, reason: str | None = None, by: str | None = None, key: str = "") -> None:
        """Answer yes to the open question of the job (all of them, or that under ``key``).

        Raises:
            JobError: no such question is open.
        """
        self._call(lambda handle: handle.approve(reason=reason, by=by, key=key))

    def reject(self, *, reason: str | None = None, by: str | None = None, key: str = "") -> None:
        """Answer no to the open question of the job (all of them, or that under ``key``).

        Raises:
            JobError: no such question is open.
        """
        self._call(lambda handle: handle.reject(reason=reason, by=by, key=key))

    def _call(self, use: Callable[[JobHandle[R]], Awaitable[T]], *, repeatable: bool = False) -> T:
        def with_client(client: GnosariClient) -> Awaitable[T]:
            handle: JobHandle[R] = client.job(self.id, run_id=self.run_id)
            handle.result_type = self.result_type
            return use(handle)

        return call(with_client, repeatable=repeatable)
