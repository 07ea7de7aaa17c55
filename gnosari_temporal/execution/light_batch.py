"""The light part of a chunk: runs messages by local activities, ten first attempts in each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from .light import GROUP_MESSAGES, run_light
from .members import Member, MemberRunner, wait_for_all


@dataclass(frozen=True)
class _Turn:
    """A message that is to have an attempt."""

    index: int
    member: Member
    failures: int = 0
    begun: bool = False


class LightBatch:
    """Runs messages to their ends; tells which failed."""

    def __init__(self, runner: MemberRunner, batch: str) -> None:
        self.failed: set[int] = set()
        """Places of the messages that failed for good, expired or were cancelled."""
        self.expired: set[int] = set()
        """Places of those of them that were not started in time."""
        self._runner = runner
        self._batch = batch
        self._groups = 0

    async def run(self, members: Sequence[tuple[int, Member]]) -> None:
        """Run these messages, each with its place."""
        at_once = [_Turn(index, member) for index, member in members if member.start is None]
        later = [_Turn(index, member) for index, member in members if member.start is not None]
        groups = [at_once[first : first + GROUP_MESSAGES] for first in range(0, len(at_once), GROUP_MESSAGES)]
        tasks = [asyncio.create_task(self._group(group)) for group in groups]
        tasks += [asyncio.create_task(self._group([turn], start=turn.member.start)) for turn in later]
        await self._all(tasks)

    async def _group(self, turns: list[_Turn], *, wait: timedelta | None = None, start: datetime | None = None) -> None:
        try:
            wait = wait if start is None else max(start - workflow.now(), timedelta(0))
            if wait:
                await workflow.sleep(wait)
            await self._attempts([turn for turn in turns if not self._is_over(turn)])
        except (ActivityError, asyncio.CancelledError):
            self.failed.update(turn.index for turn in turns)

    def _is_over(self, turn: _Turn) -> bool:
        expires = self._runner.options_of(turn.member).expires
        if turn.begun or expires is None or expires > workflow.now():
            return False
        self.failed.add(turn.index)
        self.expired.add(turn.index)
        return True

    async def _attempts(self, turns: list[_Turn]) -> None:
        if not turns:
            return
        self._groups += 1
        tasks, timeout = self._runner.light_tasks([(str(t.index), t.member, t.failures) for t in turns], self._batch)
        answers = await run_light(tasks, number=self._groups, timeout=timeout)
        again: list[asyncio.Task[None]] = []
        handed_back: list[_Turn] = []
        wait = timedelta(0)
        for turn, answer in zip(turns, answers, strict=True):
            if answer.retry_after is None:
                if answer.failure is not None:
                    self.failed.add(turn.index)
            elif answer.failure is None:
                handed_back.append(turn)
                wait = answer.retry_after
            else:
                next_turn = replace(turn, failures=turn.failures + 1, begun=True)
                again.append(asyncio.create_task(self._group([next_turn], wait=answer.retry_after)))
        if handed_back:
            again.append(asyncio.create_task(self._group(handed_back, wait=wait)))
        await self._all(again)

    @staticmethod
    async def _all(tasks: list[asyncio.Task[None]]) -> None:
        if tasks:
            await wait_for_all(tasks)
        for task in tasks:
            task.result()
