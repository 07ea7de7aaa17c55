"""The batch workflow: a chunk of a batch, at most a hundred messages, each with retries and a result of its own."""

from __future__ import annotations

import asyncio
import operator

from pydantic import BaseModel, ConfigDict, Field
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)

from .failures import EXPIRED_TYPE
from .light_batch import LightBatch
from .limits import shared_limit
from .members import Member, MemberRunner, member_job_id, wait_for_all
from .options import JobOptions

CHUNK_MESSAGES = 100
"""Most messages of a chunk: its history stays far below 4,096 events."""
CHUNK_BYTES = 1024 * 1024
"""Most bytes of a chunk's messages; a larger message is a chunk of its own."""
BATCH_WORKFLOW = "GnosariBatch"
CANCEL_SIGNAL = "gnosari_cancel_messages"


class BatchMember(Member):
    """A message of a batch."""

    index: int
    """Its place in the batch, 0 is the first; also the id of its activity."""


class Chunk(BaseModel):
    """Input of the batch workflow."""

    model_config = ConfigDict(frozen=True)

    batch: str
    number: int
    """0 is the first."""
    members: tuple[BatchMember, ...]
    options: JobOptions
    """Of messages that bring none."""
    light: bool = Field(default=False, exclude_if=operator.not_)
    """Run consumers as local activities."""
    as_workflows: bool = Field(default=False, exclude_if=operator.not_)
    """Run every message as a child workflow."""
    total: int | None = None
    """Number of messages of the batch; known to its last chunk alone, which it marks."""


MEMO_CHUNK = "gnosari_chunk"


class ChunkMemo(BaseModel):
    """What a chunk says of itself in its memo."""

    model_config = ConfigDict(frozen=True)

    size: int
    total: int | None = None
    """Number of messages of the batch, if this is its last chunk."""


class ChunkResult(BaseModel):
    """Result of the batch workflow. The results of the messages stay in its history."""

    model_config = ConfigDict(frozen=True)

    total: int
    failed: tuple[int, ...] = ()
    """Places of the messages that failed for good, expired or were cancelled."""
    expired: tuple[int, ...] = ()
    """Places of those of them that were not started in time."""


def chunk_id(batch: str, number: int) -> str:
    """The workflow id of a chunk: ``<batch>/<n>``."""
    return f"{batch}/{number}"


@workflow.defn(name=BATCH_WORKFLOW, sandboxed=False)
class BatchWorkflow:
    """Runs a chunk. A message that fails for good does not fail it."""

    def __init__(self) -> None:
        self._running: dict[int, asyncio.Task[None]] = {}
        self._failed: set[int] = set()
        self._expired: set[int] = set()

    @workflow.run
    async def run(self, chunk: Chunk) -> ChunkResult:
        """Run all messages; the result counts them."""
        runner = MemberRunner(
            chunk.options,
            largest_result=shared_limit(len(chunk.members), local=chunk.light),
            batch=chunk.batch,
        )
        runner.recognise((member.type for member in chunk.members), as_workflows=chunk.as_workflows)
        light = LightBatch(runner, chunk.batch)
        lightly = [member for member in chunk.members if chunk.light and not runner.has_own_workflow(member)]
        indexes = {member.index for member in lightly}
        self._running = {
            member.index: asyncio.create_task(self._run(runner, chunk.batch, member))
            for member in chunk.members
            if member.index not in indexes
        }
        tasks = list(self._running.values())
        if lightly:
            tasks.append(asyncio.create_task(light.run([(member.index, member) for member in lightly])))
        if tasks:
            await self._all(tasks)
        self._failed |= light.failed
        self._expired |= light.expired
        return ChunkResult(
            total=len(chunk.members), failed=tuple(sorted(self._failed)), expired=tuple(sorted(self._expired))
        )

    @workflow.signal(name=CANCEL_SIGNAL)
    async def cancel_messages(self, places: list[int]) -> None:
        """Cancel single messages, by their places in the batch."""
        for place in places:
            if place in self._running:
                self._running[place].cancel()

    @staticmethod
    async def _all(tasks: list[asyncio.Task[None]]) -> None:
        await wait_for_all(tasks)
        for task in tasks:
            task.result()  # raises what must not be passed over: NotServedHere

    async def _run(self, runner: MemberRunner, batch: str, member: BatchMember) -> None:
        try:
            await runner.run(
                member,
                activity_id=str(member.index),
                job=member_job_id(batch, member.message_id),
                result_type=RawValue,
            )
        except (ActivityError, ChildWorkflowError, ApplicationError, WorkflowAlreadyStartedError) as error:
            self._failed.add(member.index)
            if isinstance(error, ApplicationError) and error.type == EXPIRED_TYPE:
                self._expired.add(member.index)
        except asyncio.CancelledError:
            self._failed.add(member.index)
