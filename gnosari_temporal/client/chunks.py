"""The chunker: cuts a stream of messages into the chunks of a batch, the same way for the same messages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import InvalidMessage
from ..execution.batch import CHUNK_BYTES, CHUNK_MESSAGES, BatchMember, Chunk
from ..execution.options import JobOptions
from .preparing import RANDOM_ID, Prepared

MOST_BEHIND = 1000
"""A chunk is closed when the batch has gone on by so many messages: reading in order stays within bounds."""


@dataclass
class ChunkToSend:
    """A chunk that is complete."""

    chunk: Chunk
    digest: str
    """Digest of its messages' content, and of whether it is the last: what two sends of a batch id must agree on."""


@dataclass
class _Open:
    """A chunk that is being filled."""

    entries: list[tuple[int, Prepared]] = field(default_factory=list)
    """Messages with their places."""
    size: int = 0
    ids: set[int] = field(default_factory=set)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)


class Chunker:
    """Cuts a batch into chunks: each is for one queue, so that whoever serves the queue can run it whole.

    Where a chunk ends depends on the messages alone, never on time, so that a second send of the same messages
    finds the chunks of the first.
    """

    def __init__(self, batch: str, defaults: JobOptions, *, light: bool = False, as_workflows: bool = False) -> None:
        self.total = 0
        """Messages so far."""
        self.chunks = 0
        """Chunks that were complete so far."""
        self._batch = batch
        self._defaults = defaults
        self._light = light
        self._as_workflows = as_workflows
        self._open: dict[str, _Open] = {}
        self._ids: set[int] = set()
        self._held: _Open | None = None

    def add(self, message: Prepared) -> Iterator[ChunkToSend]:
        """Take a message; gives the chunks that are complete by it.

        Raises:
            InvalidMessage: its id is in the batch already.
        """
        index = self.total
        size = len(message.content.encode())
        queue = message.options.queue
        filling = self._open.get(queue)
        if filling is not None and filling.size + size > CHUNK_BYTES:
            yield from self._close(queue)
            filling = None
        if filling is None:
            filling = self._open[queue] = _Open()
        self._check_id(message, filling)
        self.total += 1
        filling.entries.append((index, message))
        filling.size += size
        filling.digest.update(f"{index}{message.content}\n".encode())
        if len(filling.entries) >= CHUNK_MESSAGES:
            yield from self._close(queue)
        for other in [q for q, chunk in self._open.items() if index - chunk.entries[0][0] >= MOST_BEHIND]:
            yield from self._close(other)

    def finish(self) -> Iterator[ChunkToSend]:
        """Gives what is left; the last chunk says how many messages the batch has."""
        for queue in sorted(self._open, key=lambda q: self._open[q].entries[0][0]):
            yield from self._close(queue)
        yield self._complete(self._held or _Open(), self.total)

    def _close(self, queue: str) -> Iterator[ChunkToSend]:
        """Hold the chunk back until another is complete: only then is it known not to be the last."""
        held, self._held = self._held, self._open.pop(queue)
        if held is not None:
            yield self._complete(held, None)

    def _complete(self, filled: _Open, total: int | None) -> ChunkToSend:
        number, self.chunks = self.chunks, self.chunks + 1
        filled.digest.update(f"total {total}".encode())
        shared = filled.entries[0][1].options if filled.entries else self._defaults
        members = tuple(
            BatchMember(
                index=index,
                type=message.type,
                message=message.data,
                summary=message.summary,
                options=None if message.options == shared else message.options,
                start=message.start,
            )
            for index, message in filled.entries
        )
        chunk = Chunk(
            batch=self._batch,
            number=number,
            members=members,
            options=shared,
            light=self._light,
            as_workflows=self._as_workflows,
            total=total,
        )
        return ChunkToSend(chunk, filled.digest.hexdigest()[:32])

    def _check_id(self, message: Prepared, filling: _Open) -> None:
        # Of ids that are no random ones the hashes are kept, 60 bytes each; of random ones those of the open chunk,
        # which tells when one object is sent over and over.
        seen = filling.ids if RANDOM_ID.fullmatch(message.message_id) else self._ids
        key = hash(message.message_id)
        if key in seen:
            raise InvalidMessage(f"message id {message.message_id!r} is in the batch twice: an id is one job")
        seen.add(key)
