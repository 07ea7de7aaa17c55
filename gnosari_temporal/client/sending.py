"""Sending a batch: its chunks are started one after another, a few at a time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import InvalidMessage, MessageConflict, MessageError
from ..execution.batch import BATCH_WORKFLOW, MEMO_CHUNK, ChunkMemo, chunk_id
from ..execution.options import SendOptions
from ..execution.signatures import Signature, as_signature
from ..messages import BaseMessage
from ..routing import BATCH
from .batch import BatchHandle
from .chunks import Chunker, ChunkToSend
from .preparing import Preparer
from .starting import Start, start

if TYPE_CHECKING:
    from .client import GnosariClient

_AT_ONCE = 4
"""Chunks that are being started at the same time."""
_LONGEST_ID = 200

Messages = Iterable[BaseMessage | Signature] | AsyncIterable[BaseMessage | Signature]


async def send_batch(
    client: GnosariClient,
    messages: Messages,
    options: SendOptions,
    *,
    batch_id: str | None,
    light: bool,
    as_workflows: bool,
) -> BatchHandle:
    """``GnosariClient.send_many``, with the options in one object."""
    sender = BatchSender(client, options, batch_id=batch_id, light=light, as_workflows=as_workflows)
    free = asyncio.Semaphore(_AT_ONCE)
    broken: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            try:
                async for chunk in _chunks(messages, sender):
                    await free.acquire()
                    task = group.create_task(sender.start(client, chunk))
                    task.add_done_callback(lambda _: free.release())
                    await asyncio.sleep(0)  # lets it begin: an iterable that blocks holds up the loop
            except Exception as error:  # noqa: BLE001  raised below, once the chunks before it are on the server
                broken = error
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    if broken is not None:
        raise broken
    return sender.handle(client)


class BatchSender:
    """A batch that is being sent: takes its messages one by one, and starts the chunks that are complete."""

    def __init__(
        self, client: GnosariClient, options: SendOptions, *, batch_id: str | None, light: bool, as_workflows: bool
    ) -> None:
        """Nothing is sent yet; the client's routing and registry are used.

        Raises:
            InvalidMessage: the batch id cannot be.
        """
        self.id = check_batch_id(batch_id) if batch_id is not None else str(uuid.uuid4())
        self._preparer = Preparer(
            options,
            client.routing,
            registry=client.registry,
            searchable=client.searchable,
            fairness_key=self.id,
        )
        self._chunker = Chunker(self.id, self._preparer.defaults(), light=light, as_workflows=as_workflows)
        self._delay = options.start_delay(self._preparer.now)

    def add(self, message: BaseMessage | Signature) -> list[ChunkToSend]:
        """Take a message; gives the chunks that are complete by it, to be started.

        Raises:
            InvalidMessage, MessageTooLarge: it is refused; the error says its place.
        """
        try:
            return list(self._chunker.add(self._preparer.prepare(as_signature(message))))
        except MessageError as error:
            # The same type of error, which says where.
            error.args = (f"message {self._chunker.total} of the batch: {error}", *error.args[1:])
            raise

    def finish(self) -> list[ChunkToSend]:
        """No message follows; gives the last chunks, to be started."""
        return list(self._chunker.finish())

    def handle(self, client: GnosariClient) -> BatchHandle:
        """The handle of the batch, once all its chunks are started."""
        return BatchHandle(client.temporal, self.id, chunks=self._chunker.chunks)

    async def start(self, client: GnosariClient, sending: ChunkToSend) -> None:
        """Start a chunk; one that the server has already stays as it is.

        Raises:
            MessageConflict: the server has another chunk under the id.
            ServerUnreachable: nobody answers.
        """
        await _start_chunk(client, sending, self._delay)


def check_batch_id(id: str) -> str:
    """The id, if a batch can have it.

    Raises:
        InvalidMessage: it is empty, too long, or has a character that means something in job ids.
    """
    if not id or len(id) > _LONGEST_ID or not id.isprintable() or "/" in id or "#" in id:
        raise InvalidMessage(
            f"batch id {id!r}: write 1 to {_LONGEST_ID} printable characters without '/' and '#', "
            "which separate it from chunks and messages"
        )
    return id


async def _chunks(messages: Messages, sender: BatchSender) -> AsyncIterator[ChunkToSend]:
    async for message in _each(messages):
        for chunk in sender.add(message):
            yield chunk
    for chunk in sender.finish():
        yield chunk


async def _each(messages: Messages) -> AsyncIterator[BaseMessage | Signature]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message


async def _start_chunk(client: GnosariClient, sending: ChunkToSend, delay: timedelta | None) -> None:
    chunk = sending.chunk
    id = chunk_id(chunk.batch, chunk.number)
    first, last = (chunk.members[0].index, chunk.members[-1].index) if chunk.members else (0, 0)
    # The urgent message of a chunk must not wait for a workflow task behind others.
    urgent = min((member.options.priority for member in chunk.members if member.options), default=10)
    options = chunk.options.model_copy(
        update={
            "priority": min(urgent, chunk.options.priority),
            "digest": sending.digest,
            "expires": None,
            "retry": None,
            "timeout": None,
        }
    )
    started = await start(
        client,
        Start(
            type=BATCH_WORKFLOW,
            id=id,
            input=chunk,
            options=options,
            summary=f"{len(chunk.members)} messages of batch {chunk.batch}, places {first} to {last}",
            delay=delay,
            memo={MEMO_CHUNK: ChunkMemo(size=len(chunk.members), total=chunk.total)},
            attributes={BATCH: chunk.batch},
        ),
    )
    if started.differs(options):
        where = f"between places {first} and {last}" if chunk.members else "(there are none now)"
        raise MessageConflict(
            f"batch id {chunk.batch!r} was used for other messages, or another number of them: {where} they differ "
            f"from chunk {id} on the server. Give the new batch an id of its own; to complete the old one send the "
            "same messages in the same order, with ids that are the same each time or left out",
            job_id=id,
        )
