"""Sending a canvas: a tree of signatures becomes a workflow."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidMessage, MessageConflict, MessageTooLarge
from ..execution.canvas import CANVAS_WORKFLOW, MOST_INLINE, Canvas, ChainNode, GroupNode, MessageNode, Node
from ..execution.limits import MAX_PAYLOAD_BYTES
from ..execution.members import Member
from ..execution.options import SendOptions
from ..execution.signatures import Group, Part, Signature
from ..messages import digest_of
from ..routing import job_id
from .handle import JobHandle
from .preparing import Prepared, Preparer
from .starting import Start, start

if TYPE_CHECKING:
    from .client import GnosariClient


async def send_canvas(
    client: GnosariClient, tree: Part, options: SendOptions, *, id: str | None, as_workflows: bool
) -> JobHandle[Any]:
    """``GnosariClient.send_canvas``, with the options in one object."""
    name = _check_id(id) if id is not None else str(uuid.uuid4())
    job = job_id(CANVAS_WORKFLOW, name)
    preparer = Preparer(options, client.routing, registry=client.registry, searchable=client.searchable)
    prepared: list[tuple[Prepared, str | None]] = []
    root = _node(tree, preparer, prepared)
    if not prepared:
        raise InvalidMessage("there is nothing to run: the group or chain has no message")
    _check_ids(message for message, _ in prepared)
    shared = prepared[0][0].options
    own = preparer.defaults(queue=shared.queue).model_copy(
        update={"digest": digest_of([_shape(tree), *((message.content, into) for message, into in prepared)])}
    )
    canvas = Canvas(job=job, root=fit(root), options=own, as_workflows=as_workflows)
    size = len(canvas.model_dump_json().encode())
    if size > MAX_PAYLOAD_BYTES:
        raise MessageTooLarge(
            f"the messages of {job} are {size:,} bytes together, the limit is {MAX_PAYLOAD_BYTES:,}: send them as a "
            "batch (send_many), or store the data elsewhere and send its address"
        )
    started = await start(
        client,
        Start(
            type=CANVAS_WORKFLOW,
            id=job,
            input=canvas,
            options=own,
            summary=f"{_word(tree)} of {len(prepared)} messages",
            delay=options.start_delay(preparer.now),
        ),
    )
    if started.differs(own):
        raise MessageConflict(f"the id {name!r} was used for other messages: {job}. Give these another", job_id=job)
    return JobHandle(client.temporal, job, run_id=started.run_id)


def fit(node: Node) -> Node:
    """The tree with its larger parts set apart, so that no workflow runs more than ``MOST_INLINE`` messages."""
    return _fit(node)[0]


def _fit(node: Node) -> tuple[Node, int]:
    """The node, and how many messages the workflow that has it runs itself."""
    if isinstance(node, MessageNode):
        return node, 1
    fitted = [_fit(part) for part in node.nodes]
    if sum(size for _, size in fitted) > MOST_INLINE:
        # Where that is not enough, the parts are too many, and are cut into slices.
        fitted = [(_apart(part), 1) if size > 1 else (part, size) for part, size in fitted]
    nodes = tuple(part for part, _ in fitted)
    if len(nodes) <= MOST_INLINE:
        return node.model_copy(update={"nodes": nodes}), sum(size for _, size in fitted)
    slices = tuple(node.model_copy(update={"nodes": some, "apart": True}) for some in _slices(nodes))
    joined: dict[str, Any] = {"nodes": slices}
    if isinstance(node, GroupNode):
        joined |= {"sliced": True, "keep_failures": False}
    return _fit(node.model_copy(update=joined))


def _apart(node: Node) -> Node:
    return node if isinstance(node, MessageNode) else node.model_copy(update={"apart": True})


def _slices(nodes: Sequence[Node]) -> Iterator[tuple[Node, ...]]:
    for first in range(0, len(nodes), MOST_INLINE):
        yield tuple(nodes[first : first + MOST_INLINE])


def _node(part: Part, preparer: Preparer, prepared: list[tuple[Prepared, str | None]]) -> Node:
    if isinstance(part, Signature):
        message = preparer.prepare(part)
        prepared.append((message, part.into))
        member = Member(
            type=message.type,
            message=message.data,
            summary=message.summary,
            options=message.options,
            start=message.start,
        )
        return MessageNode(member=member, into=part.into)
    nodes = tuple(_node(inner, preparer, prepared) for inner in part.parts)
    if isinstance(part, Group):
        return GroupNode(nodes=nodes, keep_failures=part.keep_failures)
    return ChainNode(nodes=nodes)


def _shape(part: Part) -> Any:
    if isinstance(part, Signature):
        return "message"
    return [_word(part), *(_shape(inner) for inner in part.parts)]


def _word(part: Part) -> str:
    if isinstance(part, Signature):
        return "message"
    if isinstance(part, Group):
        return "group"
    is_chord = len(part.parts) == 2 and isinstance(part.parts[0], Group) and isinstance(part.parts[1], Signature)
    return "chord" if is_chord else "chain"


def _check_id(id: str) -> str:
    if not id or len(id) > 300 or not id.isprintable() or "#" in id:
        raise InvalidMessage(f"id {id!r}: write 1 to 300 printable characters without '#'")
    return id


def _check_ids(messages: Iterable[Prepared]) -> None:
    seen: set[str] = set()
    for message in messages:
        if message.message_id in seen:
            raise InvalidMessage(f"message id {message.message_id!r} is there twice: an id is one job")
        seen.add(message.message_id)
