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
_TASK_TIMEOUT = timedelta(seconds=30)

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
    batch = check_batch_id(batch_id) if batch_id is not None else str(uuid.uuid4())
    preparer = Preparer(
        options,
        client.routing,
        registry=client.registry,
        searchable=client.searchable,
        fairness_key=batch,
    )
    chunker = Chunker(batch, preparer.defaults(), light=light, as_workflows=as_workflows)
    delay = options.start_delay(preparer.now)
    free = asyncio.Semaphore(_AT_ONCE)
    sent = 0
    broken: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            try:
                async for chunk in _chunks(messages, preparer, chunker):
                    await free.acquire()
                    task = group.create_task(_send(client, chunk, delay))
                    task.add_done_callback(lambda _: free.release())
                    sent += 1
                    await asyncio.sleep(0)  # lets it begin: an iterable that blocks holds up the loop
            except Exception as error:  # noqa: BLE001  raised below, once the chunks before it are on the server
                broken = error
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    if broken is not None:
        raise broken
    return BatchHandle(client.temporal, batch, chunks=sent)


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


async def _chunks(messages: Messages, preparer: Preparer, chunker: Chunker) -> AsyncIterator[ChunkToSend]:
    async for message in _each(messages):
        try:
            for chunk in chunker.add(preparer.prepare(as_signature(message))):
                yield chunk
        except MessageError as error:
            # The same type of error, which says where.
            error.args = (f"message {chunker.total} of the batch: {error}", *error.args[1:])
            raise
    for chunk in chunker.finish():
        yield chunk


async def _each(messages: Messages) -> AsyncIterator[BaseMessage | Signature]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message


async def _send(client: GnosariClient, sending: ChunkToSend, delay: timedelta | None) -> None:
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
            # A busy worker may have many chunks to begin at once. A light one runs its consumers in the task, and the
            # timeout is how long a lost worker is waited for.
            task_timeout=None if chunk.light else _TASK_TIMEOUT,
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
