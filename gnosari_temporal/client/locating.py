"""Locating one message of a batch, group, chain or chord by its job id."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..execution.batch import Chunk, chunk_id
from ..execution.canvas import CANVAS_WORKFLOW, Canvas, messages_of, part_id
from ..execution.members import Member
from ..execution.options import JobOptions
from .handle import no_such_job
from .outcomes import Place

_AT_ONCE = 8
"""Chunks that are asked for at the same time."""


@dataclass(frozen=True)
class Located:
    """Where a message runs."""

    workflow_id: str
    activity_id: str
    place: Place
    member: Member
    options: JobOptions
    light: bool = False
    """Whether it is in a light batch."""


def is_member_id(id: str) -> bool:
    """Whether a job id is that of one message of a batch (``<batch>#<id>``) or canvas (``GnosariCanvas/…#<id>``).

    A job of its own may have a ``#`` too, in its message's id: behind the ``/``, which no batch id has.
    """
    whole, hash_sign, message_id = id.partition("#")
    return bool(hash_sign and whole and message_id) and ("/" not in whole or is_in_canvas(whole))


def is_in_canvas(whole: str) -> bool:
    """Whether what a member is part of is a canvas, by its id."""
    return whole.startswith(f"{CANVAS_WORKFLOW}/")


async def locate(client: Client, id: str) -> Located:
    """Find the message of a member's job id.

    Raises:
        JobNotFound: the server has no such batch or canvas, or it has no such message (yet).
        temporalio.service.RPCError: the server does not answer.
    """
    whole, _, message_id = id.partition("#")
    found = await (
        _in_canvas(client, whole, message_id) if is_in_canvas(whole) else _in_batch(client, whole, message_id)
    )
    if found is None:
        raise no_such_job(id)
    return found


async def _in_canvas(client: Client, whole: str, message_id: str) -> Located | None:
    canvas: Canvas | None = await _input(client, whole, Canvas)
    if canvas is None:
        return None
    for number, (node, path, apart) in enumerate(messages_of(canvas.root)):
        if node.member.message_id == message_id:
            workflow_id = part_id(whole, apart) if apart else whole
            return _located(workflow_id, path, number, whole, node.member, node.member.options or canvas.options)
    return None


async def _in_batch(client: Client, whole: str, message_id: str) -> Located | None:
    first = 0
    while True:
        numbers = range(first, first + _AT_ONCE)
        chunks: list[Chunk | None] = await asyncio.gather(
            *(_input(client, chunk_id(whole, number), Chunk) for number in numbers)
        )
        for number, chunk in zip(numbers, chunks, strict=True):
            if chunk is None:
                return None
            for member in chunk.members:
                if member.message_id == message_id:
                    options = member.options or chunk.options
                    id = chunk_id(whole, number)
                    return _located(id, str(member.index), member.index, whole, member, options, light=chunk.light)
            if chunk.total is not None:
                return None
        first += _AT_ONCE


def _located(
    workflow_id: str,
    activity_id: str,
    index: int,
    whole: str,
    member: Member,
    options: JobOptions,
    *,
    light: bool = False,
) -> Located:
    place = Place.of(index, whole, member, options, light=light)
    return Located(workflow_id, activity_id, place, member, options, light)


async def _input(client: Client, workflow_id: str, kind: type[Any]) -> Any:
    """The input of a workflow; None: the server has no such workflow."""
    request = GetWorkflowExecutionHistoryRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id),
        maximum_page_size=1,
        skip_archival=True,
    )
    try:
        page = await client.workflow_service.get_workflow_execution_history(request, retry=True)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    given = page.history.events[0].workflow_execution_started_event_attributes.input.payloads
    return (await client.data_converter.decode(given, [kind]))[0]
