"""How a batch is cut into chunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnosari_temporal import BaseMessage, SendOptions, signature
from gnosari_temporal.client.chunks import MOST_BEHIND, Chunker, ChunkToSend
from gnosari_temporal.client.preparing import Preparer
from gnosari_temporal.errors import InvalidMessage
from gnosari_temporal.execution.batch import CHUNK_BYTES, CHUNK_MESSAGES
from gnosari_temporal.execution.limits import MAX_PAYLOAD_BYTES
from gnosari_temporal.routing import Routing


class Note(BaseMessage):
    text: str = ""


def cut(items: Iterable[Any], **options: Any) -> list[ChunkToSend]:
    preparer = Preparer(
        SendOptions(**options), Routing(default_queue="q"), registry=None, searchable=True, fairness_key="b"
    )
    chunker = Chunker("b", preparer.defaults())
    found = [
        chunk
        for item in items
        for chunk in chunker.add(preparer.prepare(item if not isinstance(item, BaseMessage) else signature(item)))
    ]
    found += chunker.finish()
    assert chunker.chunks == len(found)
    return found


def notes(sizes: Iterable[int]) -> list[Note]:
    return [Note(text="x" * size) for size in sizes]


@settings(max_examples=20)
@given(st.lists(st.sampled_from([0, 10, 5_000, 300_000, 1_200_000]), max_size=30), st.integers(0, 250))
def test_every_message_is_in_one_chunk_that_is_within_the_limits(large: list[int], small: int) -> None:
    # given
    sizes = [*large, *[0] * small]

    # when
    chunks = [sending.chunk for sending in cut(notes(sizes))]

    # then
    assert [member.index for chunk in chunks for member in chunk.members] == list(range(len(sizes)))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert len(chunk.members) <= CHUNK_MESSAGES
        text = sum(len(member.message["text"]) for member in chunk.members)
        assert text <= CHUNK_BYTES or len(chunk.members) == 1
        assert len(chunk.model_dump_json()) < MAX_PAYLOAD_BYTES
    assert [chunk.total for chunk in chunks] == [*[None] * (len(chunks) - 1), len(sizes)]


@settings(max_examples=20)
@given(st.integers(0, 450))
def test_the_same_messages_are_cut_the_same_way_though_ids_and_times_are_new(count: int) -> None:
    first, second = cut(notes(range(count))), cut(notes(range(count)))

    assert [sending.digest for sending in first] == [sending.digest for sending in second]


def test_what_is_in_a_chunk_and_how_many_there_are_counts_in_its_digest() -> None:
    base = [sending.digest for sending in cut(notes([1, 2, 3]))]

    assert base != [sending.digest for sending in cut(notes([1, 2, 4]))]
    assert base != [sending.digest for sending in cut(notes([2, 1, 3]))]
    assert base != [sending.digest for sending in cut([*notes([1, 2]), Note(text="xxx", message_id="mine")])]
    assert base[:1] == [sending.digest for sending in cut(notes([1, 2, 3]), priority=1, queue="other")][:1]
    # The first chunk of more messages is another as long as it is the last, and the same as soon as it is not.
    many, more = cut(notes([0] * 150)), cut(notes([0] * 250))
    assert many[0].digest == more[0].digest
    assert many[1].digest != more[1].digest


def test_a_chunk_is_for_one_queue_and_none_is_kept_open_for_long() -> None:
    # given messages of two queues in turns, and one of a third
    turns = [signature(Note(), queue="ab"[n % 2]) for n in range(300)]
    rare = signature(Note(), queue="rare")
    items = [rare, *turns, *(signature(Note(), queue="a") for _ in range(MOST_BEHIND))]

    # when
    chunks = [sending.chunk for sending in cut(items)]

    # then
    for chunk in chunks:
        assert {(member.options or chunk.options).queue for member in chunk.members} == {chunk.options.queue}
    assert sorted(member.index for chunk in chunks for member in chunk.members) == list(range(len(items)))
    assert next(chunk.number for chunk in chunks if chunk.options.queue == "rare") <= 12
    first = {chunk.number: chunk.members[0].index for chunk in chunks}
    last = {chunk.number: chunk.members[-1].index for chunk in chunks}
    assert all(last[number] - first[number] <= MOST_BEHIND for number in first)


def test_a_batch_without_messages_is_one_empty_chunk() -> None:
    (only,) = cut([])

    assert (only.chunk.members, only.chunk.total) == ((), 0)


def test_options_that_all_messages_share_are_written_once() -> None:
    (sending,) = cut([Note(), Note(), signature(Note(), priority=2)], expires=60)

    shared, urgent = sending.chunk.options, sending.chunk.members[2].options
    assert [member.options for member in sending.chunk.members[:2]] == [None, None]
    assert shared.fairness_key == "b"
    assert urgent is not None
    assert (urgent.priority, urgent.expires) == (2, shared.expires)


@pytest.mark.parametrize("id", [None, "mine"])
def test_one_message_cannot_be_in_a_batch_twice(id: str | None) -> None:
    message = Note() if id is None else Note(message_id=id)

    with pytest.raises(InvalidMessage, match="in the batch twice"):
        cut([message, message])
    if id is not None:
        with pytest.raises(InvalidMessage, match="in the batch twice"):
            cut([message, *notes([0] * 300), message])
