"""Slots for workflow tasks: new jobs one at a time, next steps beside them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from gnosari_temporal.execution import BATCH_WORKFLOW
from gnosari_temporal.worker.slots import WorkflowSlots, new_jobs_at_once, workflow_slots


@dataclass
class Asked:
    is_sticky: bool


@dataclass
class Info:
    workflow_type: str
    is_sticky: bool


@dataclass
class Used:
    permit: Any
    slot_info: Info | None = None


NEW, STEP = Asked(is_sticky=False), Asked(is_sticky=True)


async def at_once(slot: Awaitable[Any]) -> Any:
    """The slot if it is free, else None."""
    try:
        return await asyncio.wait_for(slot, 0.05)
    except TimeoutError:
        return None


def from_a_thread(call: Any, *arguments: Any) -> None:
    thread = threading.Thread(target=call, args=arguments)
    thread.start()
    thread.join()


async def test_a_new_job_waits_until_the_last_one_has_begun_and_next_steps_do_not() -> None:
    slots: Any = WorkflowSlots(new_jobs=1, steps=2)
    first = await at_once(slots.reserve_slot(NEW))

    assert first
    assert await at_once(slots.reserve_slot(NEW)) is None
    assert await at_once(slots.reserve_slot(STEP))
    assert await at_once(slots.reserve_slot(STEP))
    assert await at_once(slots.reserve_slot(STEP)) is None

    from_a_thread(slots.mark_slot_used, Used(first, Info("GreetMessage", is_sticky=False)))
    assert await at_once(slots.reserve_slot(NEW)) is None
    from_a_thread(slots.release_slot, Used(first))
    assert await at_once(slots.reserve_slot(NEW))


async def test_a_slot_goes_back_once() -> None:
    slots: Any = WorkflowSlots(new_jobs=1)
    first = await at_once(slots.reserve_slot(NEW))

    slots.mark_slot_used(Used(first, Info(BATCH_WORKFLOW, is_sticky=False)))
    slots.release_slot(Used(first))

    assert await at_once(slots.reserve_slot(NEW))
    assert await at_once(slots.reserve_slot(NEW)) is None


async def test_a_chunk_of_a_batch_holds_no_new_job_up() -> None:
    slots: Any = WorkflowSlots(new_jobs=1)
    chunk = await at_once(slots.reserve_slot(NEW))

    slots.mark_slot_used(Used(chunk, Info(BATCH_WORKFLOW, is_sticky=False)))

    assert await at_once(slots.reserve_slot(NEW))


async def test_a_long_first_step_holds_new_jobs_up_for_a_moment_only() -> None:
    slots: Any = WorkflowSlots(new_jobs=1)
    slow = await at_once(slots.reserve_slot(NEW))

    slots.mark_slot_used(Used(slow, Info("GreetMessage", is_sticky=False)))

    assert await at_once(slots.reserve_slot(NEW)) is None
    assert await asyncio.wait_for(slots.reserve_slot(NEW), 5)


async def test_a_poll_that_is_given_up_leaves_its_place() -> None:
    slots: Any = WorkflowSlots(new_jobs=1)
    first = await at_once(slots.reserve_slot(NEW))
    waiting = asyncio.create_task(slots.reserve_slot(NEW))
    await asyncio.sleep(0)
    waiting.cancel()

    slots.release_slot(Used(first))

    assert await at_once(slots.reserve_slot(NEW))


async def test_no_new_job_jumps_the_line() -> None:
    slots: Any = WorkflowSlots(new_jobs=1)
    assert slots.try_reserve_slot(NEW) is None


@dataclass
class Away:
    """A server that takes so long to answer, or that does not."""

    seconds: float | None

    @property
    def workflow_service(self) -> Any:
        return self

    async def get_system_info(self, _request: Any) -> None:
        if self.seconds is None:
            raise RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")
        await asyncio.sleep(self.seconds)


@pytest.mark.parametrize(("seconds", "least", "most"), [(0, 1, 1), (0.022, 5, 8), (0.2, 10, 10), (None, 1, 1)])
async def test_more_new_jobs_begin_at_a_time_where_the_server_is_far_away(
    seconds: float | None, least: int, most: int
) -> None:
    server: Any = Away(seconds)
    assert least <= await new_jobs_at_once(server) <= most


def test_as_many_polls_are_for_new_jobs_as_may_begin_and_as_many_for_next_steps() -> None:
    far = workflow_slots(4, 10)

    assert far["workflow_task_poller_behavior"].maximum * far["nonsticky_to_sticky_poll_ratio"] == 4
    assert set(workflow_slots(1, 10)) == {"tuner"}
