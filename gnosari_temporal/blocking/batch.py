"""The batch that was sent without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

from ..client import BatchHandle, BatchProgress, BatchStatus, GnosariClient, Outcome
from ..client.sending import BatchSender
from ..execution.batch import CHUNK_MESSAGES
from ..execution.members import member_job_id
from ..execution.options import SendOptions, options_from
from ..execution.signatures import Signature
from ..messages import BaseMessage
from .process import call

T = TypeVar("T")

_BLOCK = 4 * CHUNK_MESSAGES
"""Messages that are taken from the iterable before the loop is asked to send them."""


class BlockingBatch:
    """A batch on the server: wait for it, look at it, cancel it; every method blocks the calling thread.

    It holds an id and no connection, so it may be used in other threads, kept over a fork and pickled.
    """

    def __init__(self, id: str, *, chunks: int | None = None) -> None:
        self.id = id
        self._chunks = chunks

    def __repr__(self) -> str:
        return f"<BlockingBatch {self.id}>"

    def results(self, timeout: timedelta | float | None = None, *, return_exceptions: bool = False) -> list[Any]:
        """Wait for all results, in the order sent; ``timeout`` in seconds as a number.

        Raises: what ``BatchHandle.results`` raises.
        """
        return self._call(lambda handle: handle.results(timeout, return_exceptions=return_exceptions))

    def wait(self, timeout: timedelta | float | None = None) -> BatchProgress:
        """Wait until every message is over, without reading results; ``timeout`` in seconds as a number.

        Raises: what ``BatchHandle.wait`` raises.
        """
        return self._call(lambda handle: handle.wait(timeout))

    def progress(self) -> BatchProgress:
        """How far it is.

        Raises:
            JobNotFound: the server has no such batch.
        """
        return self._call(lambda handle: handle.progress())

    def status(self) -> BatchStatus:
        """Where it stands; NOT_FOUND if the server does not have it (any more)."""
        return self._call(lambda handle: handle.status())

    def failures(self) -> list[Outcome]:
        """The messages that failed for good, expired or were cancelled so far, in the order sent.

        Raises:
            JobNotFound: the server has no such batch.
        """
        return self._call(lambda handle: handle.failures())

    def cancel(self) -> None:
        """Ask every message that is not over to stop.

        Raises:
            JobNotFound: the server has no such batch, or it is over.
        """
        self._call(lambda handle: handle.cancel())

    def job_id(self, message_id: str) -> str:
        """The id of the job of one message: ``<batch id>#<message id>``."""
        return member_job_id(self.id, message_id)

    def _call(self, use: Callable[[BatchHandle], Awaitable[T]]) -> T:
        return call(lambda client: use(BatchHandle(client.temporal, self.id, chunks=self._chunks)), repeatable=True)


def send_many(
    messages: Iterable[BaseMessage | Signature],
    options: SendOptions | None = None,
    *,
    batch_id: str | None = None,
    light: bool = False,
    as_workflows: bool = False,
    **overrides: Any,
) -> BlockingBatch:
    """Send a batch; returns once the server has all of it. Arguments and rules are those of
    ``GnosariClient.send_many``.

    The messages are taken from the iterable in the calling thread, a few hundred at a time.

    Raises:
        InvalidMessage, MessageTooLarge: a message was refused; those before it may have been sent.
        MessageConflict: the batch id was used for other messages.
        ServerUnreachable: nobody answers.
        EventLoopRunning: this thread runs an event loop.
    """
    given = options_from(options, overrides)

    async def begin(client: GnosariClient) -> BatchSender:
        return BatchSender(client, given, batch_id=batch_id, light=light, as_workflows=as_workflows)

    sender = call(begin, repeatable=True)
    for block in _blocks(messages):
        _start(sender, [chunk for message in block for chunk in sender.add(message)])
    last = sender.finish()
    _start(sender, last)
    return BlockingBatch(sender.id, chunks=last[-1].chunk.number + 1)


def _start(sender: BatchSender, chunks: list[Any]) -> None:
    async def use(client: GnosariClient) -> None:
        await asyncio.gather(*(sender.start(client, chunk) for chunk in chunks))

    if chunks:
        call(use, repeatable=True)  # a chunk that was started is found


def _blocks(messages: Iterable[BaseMessage | Signature]) -> Iterator[list[BaseMessage | Signature]]:
    stream = iter(messages)
    while block := list(islice(stream, _BLOCK)):
        yield block


def batch(id: str) -> BlockingBatch:
    """The batch of this id; the server is not asked."""
    return BlockingBatch(id)
