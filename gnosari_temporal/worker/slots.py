"""In which order a worker begins new jobs, and how many of them at a time."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import (
    CustomSlotSupplier,
    FixedSizeSlotSupplier,
    PollerBehaviorSimpleMaximum,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
    WorkerTuner,
    WorkflowSlotInfo,
)

from ..execution.batch import BATCH_WORKFLOW

STEP_SLOTS = 100
"""Workflow tasks of jobs that have begun, at a time; the SDK's default for all workflow tasks."""

NEAR_SERVER = timedelta(milliseconds=5)
"""A server that answers within this gets one new job at a time; one farther away gets one more for each."""

_MOST_NEW_JOBS = 10
_ROUND_TRIPS = 5
_HELD_AT_MOST = timedelta(milliseconds=250)
"""A first workflow task that takes longer, as with local activities of the application, holds nobody up any more."""

_UNORDERED = frozenset({BATCH_WORKFLOW})
"""A chunk of a light batch runs its messages in its first workflow task, and batches promise no order."""


async def new_jobs_at_once(client: Client) -> int:
    """How many new jobs to begin at a time, by how far away the server is; one if it does not answer now."""
    try:
        away = await _round_trip(client)
    except RPCError:
        return 1
    return min(_MOST_NEW_JOBS, math.ceil(away / NEAR_SERVER))


def workflow_slots(new_jobs: int, consumer_slots: int) -> dict[str, Any]:
    """The options of a ``temporalio.worker.Worker`` for workflows: its slots and its pollers.

    Args:
        new_jobs: How many new jobs to begin at a time.
        consumer_slots: For local activities.
    """
    options: dict[str, Any] = {
        "tuner": WorkerTuner.create_composite(
            workflow_supplier=WorkflowSlots(new_jobs),
            activity_supplier=FixedSizeSlotSupplier(1),
            local_activity_supplier=FixedSizeSlotSupplier(consumer_slots),
            nexus_supplier=FixedSizeSlotSupplier(1),
        )
    }
    if new_jobs > 1:
        # The SDK's five polls are one for new jobs and four for next steps.
        options["workflow_task_poller_behavior"] = PollerBehaviorSimpleMaximum(maximum=2 * new_jobs)
        options["nonsticky_to_sticky_poll_ratio"] = 0.5
    return options


async def _round_trip(client: Client) -> timedelta:
    """How long the server takes to answer: the shortest of some attempts, since a busy machine only adds to it."""

    async def once() -> float:
        before = time.perf_counter()
        await client.workflow_service.get_system_info(GetSystemInfoRequest())
        return time.perf_counter() - before

    return timedelta(seconds=min([await once() for _ in range(_ROUND_TRIPS)]))


class WorkflowSlots(CustomSlotSupplier):
    """Slots for workflow tasks: a few for new jobs, the others for the next steps of jobs that have begun.

    With one for new jobs, the next one is asked for when the consumer of the last is queued. So two jobs of different
    priority do not change places because their workflows began at the same time.
    """

    def __init__(self, new_jobs: int, steps: int = STEP_SLOTS) -> None:
        """``new_jobs`` that begin at a time, and ``steps`` of others."""
        self._new_jobs = asyncio.Semaphore(new_jobs)
        self._steps = asyncio.Semaphore(steps)

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """Wait for a slot; called before every poll."""
        slots = self._steps if ctx.is_sticky else self._new_jobs
        await slots.acquire()
        return _Slot(slots, for_new_job=not ctx.is_sticky)

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """None: a job that this process has sent stands in line with all others."""
        return None

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """A workflow task has come. Called from a thread of the SDK."""
        slot, info = ctx.permit, ctx.slot_info
        if isinstance(slot, _Slot) and slot.for_new_job and isinstance(info, WorkflowSlotInfo):
            slot.free(after=timedelta(0) if info.workflow_type in _UNORDERED else _HELD_AT_MOST)

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """The workflow task is done, or none came. Called from a thread of the SDK."""
        if isinstance(ctx.permit, _Slot):
            ctx.permit.free()


class _Slot(SlotPermit):
    """One slot, which goes back once, whoever gives it back first."""

    def __init__(self, slots: asyncio.Semaphore, *, for_new_job: bool) -> None:
        self.for_new_job = for_new_job
        self._slots = slots
        self._loop = asyncio.get_running_loop()
        self._taken = True

    def free(self, after: timedelta = timedelta(0)) -> None:
        """Give it back; from any thread."""
        if after:
            self._on_loop(lambda: self._loop.call_later(after.total_seconds(), self._give_back))
        else:
            self._on_loop(self._give_back)

    def _give_back(self) -> None:
        if self._taken:
            self._taken = False
            self._slots.release()

    def _on_loop(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the worker has ended
            self._loop.call_soon_threadsafe(call)
