"""The handle of a batch: results in the order sent or as they come, progress, failures, cancellation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client
from temporalio.service import RPCError

from ..consumers import duration
from ..durations import format_duration
from ..errors import JobNotFound, ResultTimeout
from ..execution.batch import chunk_id
from ..execution.members import member_job_id
from .counting import ChunkCount, count_chunk
from .following import ChunkFollower
from .handle import JobHandle, explain_rpc_error, no_such_job
from .outcomes import Outcome
from .status import JobState

T = TypeVar("T")

_AT_ONCE = 8
"""Chunks that are asked for at the same time."""
_FOLLOWED = 64
"""Chunks whose messages are kept in mind at the same time, so that memory stays flat."""
_LOOK = timedelta(seconds=1)
"""How long one chunk is waited for while others wait to be looked at, and how often one not yet sent is looked for."""
_GATHER = 0.05
"""Seconds between two questions about a running chunk: more outcomes for each answer."""


class BatchProgress(BaseModel):
    """How far a batch is."""

    model_config = ConfigDict(frozen=True)

    total: int
    """Messages on the server."""
    complete: bool
    """Whether these are all; False: the sender goes on, or has stopped half-way and can send again."""
    done: int = 0
    """Messages that are over, the failed ones included."""
    failed: int = 0
    """Messages that failed for good, expired or were cancelled."""
    running: int = 0
    """Messages that a worker has now."""

    @property
    def waiting(self) -> int:
        """Messages that wait for a worker or for their next attempt."""
        return self.total - self.done - self.running

    @property
    def finished(self) -> bool:
        """Whether all messages were sent and are over."""
        return self.complete and self.done == self.total


class BatchStatus(BatchProgress):
    """Where a batch stands."""

    id: str
    state: JobState
    """QUEUED, RUNNING, STUCK; SUCCEEDED if all messages did, FAILED if one did not, CANCELLED; NOT_FOUND."""
    reason: str = ""
    """What it is stuck on."""


class BatchHandle:
    """A batch on the server: every message of it is a job of its own, ``<batch id>#<message id>``."""

    def __init__(self, client: Client, batch_id: str, *, chunks: int | None = None) -> None:
        """``chunks`` is their number, where it is known."""
        self._client = client
        self.id = batch_id
        self._chunks = chunks
        self._counts: dict[int, ChunkCount] = {}

    def __repr__(self) -> str:
        return f"<BatchHandle {self.id}>"

    async def results(self, timeout: timedelta | float | None = None, *, return_exceptions: bool = False) -> list[Any]:
        """Wait for all results, in the order sent; ``timeout`` in seconds as a number.

        They are read chunk by chunk, as the chunks end. ``outcomes`` gives them one by one and holds none.

        Args:
            timeout: How long to wait at most.
            return_exceptions: Put the error of a failed message in its place, instead of raising the first one.

        Raises:
            JobFailed, JobLost, JobCancelled, JobExpired: of the first message in order that failed.
            ResultTimeout: it is not finished yet, and goes on.
            JobNotFound: the server has no such batch.
        """
        async with self.within(timeout), aclosing(self.outcomes()) as outcomes:
            return [
                outcome.error if return_exceptions and outcome.error else outcome.result() async for outcome in outcomes
            ]

    async def outcomes(self) -> AsyncGenerator[Outcome]:
        """The outcomes in the order sent, as the chunks end; flat memory however large the batch is.

        Raises:
            JobNotFound: the server has no such batch.
        """
        early: dict[int, Outcome] = {}
        place = 0
        number = 0
        reading: deque[asyncio.Task[tuple[ChunkFollower, list[Outcome]]]] = deque()
        try:
            while True:
                while len(reading) < _AT_ONCE and (self._chunks is None or number < self._chunks):
                    reading.append(asyncio.create_task(self._read_closed(number)))
                    number += 1
                if not reading:
                    return
                follower, found = await reading.popleft()
                early |= {outcome.index: outcome for outcome in found}
                while place in early:
                    yield early.pop(place)
                    place += 1
                if follower.total is not None:
                    return
        finally:
            for task in reading:
                task.cancel()

    async def as_completed(self) -> AsyncGenerator[tuple[int, Outcome]]:
        """Place and outcome of every message as it comes.

        Raises:
            JobNotFound: the server has no such batch.
        """
        turns: deque[ChunkFollower] = deque()
        reading: dict[asyncio.Task[list[Outcome]], ChunkFollower] = {}
        number, last, window, quiet = 0, False, _FOLLOWED, 0
        try:
            while True:
                for _ in range(_AT_ONCE - len(reading)):
                    if last or len(turns) + len(reading) >= window:
                        break
                    follower = ChunkFollower(self._client, self.id, number)
                    if not await self._open(follower, wait=not (turns or reading)):
                        break
                    number, last = number + 1, follower.total is not None
                    turns.appendleft(follower)
                while turns and len(reading) < _AT_ONCE:
                    follower = turns.popleft()
                    limit = _LOOK if turns or not last else None
                    reading[asyncio.create_task(_next_outcomes(follower, limit))] = follower
                if not reading:
                    return
                ended, _ = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    follower = reading.pop(task)
                    found = task.result()
                    if not follower.closed:
                        turns.append(follower)
                    quiet = 0 if found else quiet + 1
                    for outcome in found:
                        yield outcome.index, outcome
                if quiet > window:
                    window, quiet = window + _FOLLOWED, 0
        except RPCError as error:
            raise explain_rpc_error(self._client, self.id, error, "batch") from error
        finally:
            for task, follower in reading.items():
                task.cancel()
                follower.stop()
            for follower in turns:
                follower.stop()

    async def wait(self, timeout: timedelta | float | None = None) -> BatchProgress:
        """Wait until every message is over, without reading results; ``timeout`` in seconds as a number.

        Raises:
            ResultTimeout: it is not finished yet, and goes on.
            JobNotFound: the server has no such batch.
        """
        async with self.within(timeout):
            number = 0
            while self._chunks is None or number < self._chunks:
                follower = await self._opened(number)
                await follower.wait_closed()
                if follower.total is not None:
                    break
                number += 1
            return await self.progress()

    async def progress(self) -> BatchProgress:
        """How far it is; one look at every chunk that is not known to be over.

        Raises:
            JobNotFound: the server has no such batch.
        """
        counts = await self._count()
        if not counts:
            raise no_such_job(self.id, "batch")
        return BatchProgress(**_sum(counts))

    async def status(self) -> BatchStatus:
        """Where it stands; NOT_FOUND if the server does not have it (any more)."""
        counts = await self._count()
        known = _sum(counts)
        stuck = next((count.stuck for count in counts if count.stuck), "")
        return BatchStatus(id=self.id, state=_state(counts, known, stuck), reason=stuck, **known)

    async def failures(self) -> list[Outcome]:
        """The messages that failed for good, expired or were cancelled so far, in the order sent.

        Raises:
            JobNotFound: the server has no such batch.
        """
        counts = await self._count()
        if not counts:
            raise no_such_job(self.id, "batch")
        failed = [number for number, count in enumerate(counts) if count.failed]
        found = await _each(failed, self._failures_of)
        return sorted((outcome for outcomes in found for outcome in outcomes), key=lambda outcome: outcome.index)

    async def cancel(self) -> None:
        """Ask every message that is not over to stop. A sender that is still sending is not stopped.

        Raises:
            JobNotFound: the server has no such batch, or it is over.
        """
        counts = await self._count()
        if not counts:
            raise no_such_job(self.id, "batch")
        open_chunks = [number for number, count in enumerate(counts) if not count.closed]
        if not open_chunks:
            raise JobNotFound(f"batch {self.id} is over already", job_id=self.id)

        async def cancel_chunk(number: int) -> None:
            try:
                await JobHandle(self._client, chunk_id(self.id, number)).cancel()
            except JobNotFound:
                return  # over in the meantime

        await _each(open_chunks, cancel_chunk)

    def job_id(self, message_id: str) -> str:
        """The id of the job of one message: ``<batch id>#<message id>``."""
        return member_job_id(self.id, message_id)

    async def _read_closed(self, number: int) -> tuple[ChunkFollower, list[Outcome]]:
        follower = await self._opened(number)
        try:
            await follower.wait_closed()
            return follower, await follower.read_all()
        except RPCError as error:
            raise explain_rpc_error(self._client, self.id, error, "batch") from error
        finally:
            follower.stop()

    async def _opened(self, number: int) -> ChunkFollower:
        follower = ChunkFollower(self._client, self.id, number)
        await self._open(follower, wait=True)
        return follower

    async def _open(self, follower: ChunkFollower, *, wait: bool) -> bool:
        """Open a chunk; one that is not on the server is waited for, since its sender may still be sending."""
        while True:
            try:
                if await follower.open():
                    return True
            except RPCError as error:
                raise explain_rpc_error(self._client, self.id, error, "batch") from error
            if follower.number == 0 and self._chunks is None:
                raise no_such_job(self.id, "batch")
            if not wait:
                return False
            await asyncio.sleep(_LOOK.total_seconds())

    async def _failures_of(self, number: int) -> list[Outcome]:
        follower = ChunkFollower(self._client, self.id, number)
        try:
            if not await follower.open():
                return []
            found = await (follower.read_all() if self._counts[number].closed else follower.read())
        finally:
            follower.stop()
        return [outcome for outcome in found if not outcome.ok]

    async def _count(self) -> list[ChunkCount]:
        """The counts of all chunks that are on the server, up to the first that is not."""
        found: list[ChunkCount] = []
        while self._chunks is None or len(found) < self._chunks:
            some = range(len(found), len(found) + (_AT_ONCE if self._chunks is None else self._chunks - len(found)))
            try:
                counts = await _each(some, self._count_chunk)
            except RPCError as error:
                raise explain_rpc_error(self._client, self.id, error, "batch") from error
            there = counts[: counts.index(None)] if None in counts else counts
            found += [count for count in there if count is not None]
            if len(there) < len(counts) or found[-1].total is not None:
                break
        return found

    async def _count_chunk(self, number: int) -> ChunkCount | None:
        count = await count_chunk(self._client, self.id, number, self._counts.get(number))
        if count is not None:
            self._counts[number] = count
            if count.total is not None:
                self._chunks = number + 1
        return count

    @asynccontextmanager
    async def within(self, timeout: timedelta | float | None) -> AsyncIterator[None]:
        """A time limit for what is done with the batch, as for ``outcomes`` and ``as_completed``.

        Raises:
            ResultTimeout: the time is over; the batch goes on.
        """
        limit = duration(timeout)
        try:
            async with asyncio.timeout(limit.total_seconds() if limit is not None else None):
                yield
        except TimeoutError as error:
            if limit is None or isinstance(error, ResultTimeout):
                raise
            raise ResultTimeout(
                f"batch {self.id} is not finished after {format_duration(limit)}; it goes on", job_id=self.id
            ) from None


async def _next_outcomes(follower: ChunkFollower, limit: timedelta | None) -> list[Outcome]:
    if follower.begun:
        await asyncio.sleep(_GATHER)
    return await follower.read(limit)


async def _each(numbers: Iterable[int], call: Callable[[int], Awaitable[T]]) -> list[T]:
    """Call for each number, a few at a time; the answers in order."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> T:
        async with free:
            return await call(number)

    return await asyncio.gather(*(one(number) for number in numbers))


def _sum(counts: list[ChunkCount]) -> dict[str, Any]:
    return {
        "total": sum(count.size for count in counts),
        "complete": any(count.total is not None for count in counts),
        "done": sum(count.done for count in counts),
        "failed": sum(count.failed for count in counts),
        "running": sum(count.running for count in counts),
    }


def _state(counts: list[ChunkCount], known: dict[str, Any], stuck: str) -> JobState:
    if not counts:
        return JobState.NOT_FOUND
    if known["complete"] and all(count.closed for count in counts):
        if any(count.cancelled for count in counts):
            return JobState.CANCELLED
        return JobState.FAILED if known["failed"] else JobState.SUCCEEDED
    if stuck:
        return JobState.STUCK
    return JobState.RUNNING if known["done"] or known["running"] else JobState.QUEUED
