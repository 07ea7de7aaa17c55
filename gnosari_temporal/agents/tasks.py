"""The tasks of a run: sent off as child workflows, followed, collected and cancelled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError, FailureError

from ..execution.options import SendOptions
from ..execution.workflows import consume, start_child
from ..messages import BaseMessage
from .inbox import CollectTasks, close, results_of
from .run import Run, failed_end
from .state import Task, TaskEnd, TaskState
from .task_check import TaskCheckMessage, ended_well

_FIRST_CHECK = timedelta(seconds=1)
_LONGEST_CHECK = timedelta(seconds=30)
_TIME_TO_CANCEL = timedelta(seconds=10)


class Tasks:
    """Sends tasks off and notes how they end.

    The run that started a child hears of its end from the server. After continue-as-new it no longer does: a
    delegated run tells by a signal, and jobs of tools are asked for, at growing intervals.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def resume(self) -> None:
        """Take up tasks that an earlier run, before continue-as-new, sent off."""
        if self._run.state.outstanding():
            self._run.in_background(self._ask())

    async def send_off(
        self, message: BaseMessage, kind: Literal["tool", "agent"], name: str, options: SendOptions
    ) -> Task:
        """Start a child that survives this run; its start is certain when this returns."""
        # Before the start: starts are confirmed in any order, tickets are numbered in that of the calls.
        self._run.state.tickets += 1
        ticket = f"t{self._run.state.tickets}"
        handle = await start_child(
            message,
            options=options,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
            derive_id=False,
        )
        task = Task(ticket=ticket, kind=kind, name=name, job_id=handle.id, started_at=workflow.now())
        self._run.state.tasks.append(task)
        self._run.state.tasks.sort(key=lambda each: int(each.ticket.removeprefix("t")))
        self._run.in_background(self._follow(handle))
        return task

    def ended(self, end: TaskEnd) -> None:
        """Note how a task ended; what is known already is not changed."""
        for task in self._run.state.tasks:
            if task.job_id == end.job_id:
                close(task, end, workflow.now())
        if end.usage.requests:
            self._run.used(end.job_id, end.usage)

    async def collect(self, wanted: CollectTasks) -> str:
        """Wait for results, and give them."""
        state = self._run.state
        tickets = wanted.tickets or [task.ticket for task in state.tasks if not task.delivered]
        unknown = [ticket for ticket in tickets if state.task(ticket) is None]
        if unknown:
            known = ", ".join(task.ticket for task in state.tasks) or "none"
            return f"There is no ticket {', '.join(unknown)}; you have {known}."
        tasks = [task for ticket in tickets if (task := state.task(ticket)) is not None]
        enough = any if wanted.wait_for == "any" else all
        limit = self._run.team.config.on_outstanding.timeout
        if wanted.timeout_seconds is not None:
            limit = timedelta(seconds=wanted.timeout_seconds)
        if tasks and not enough(not task.running for task in tasks):
            try:
                await workflow.wait_condition(lambda: enough(not task.running for task in tasks), timeout=limit)
            except TimeoutError:
                return f"{results_of(tasks)}\n\nNot finished in time; it goes on."
        return results_of(tasks)

    async def cancel(self, ticket: str) -> str:
        """Cancel a task and wait a moment for its end."""
        task = self._run.state.task(ticket)
        if task is None:
            known = ", ".join(task.ticket for task in self._run.state.tasks) or "none"
            return f"There is no ticket {ticket}; you have {known}."
        if not task.running:
            return f"{ticket} is over already: {task.state}."
        await self._request_cancel(task)
        try:
            await workflow.wait_condition(lambda: not task.running, timeout=_TIME_TO_CANCEL)
        except TimeoutError:
            return f"{ticket} was asked to stop."
        task.delivered = True
        return f"{ticket} is {task.state}."

    async def cancel_all(self) -> None:
        """Ask all that is outstanding to stop."""
        for task in self._run.state.outstanding():
            await self._request_cancel(task)

    async def _request_cancel(self, task: Task) -> None:
        try:
            await workflow.get_external_workflow_handle(task.job_id).cancel()
        except ApplicationError:
            self.ended(TaskEnd(job_id=task.job_id, state=TaskState.CANCELLED, error="it was over already"))

    async def _follow(self, handle: workflow.ChildWorkflowHandle[Any, Any]) -> None:
        try:
            result = await handle
        except ChildWorkflowError as error:
            self.ended(failed_end(handle.id, error))
        else:
            self.ended(ended_well(handle.id, result))

    async def _ask(self) -> None:
        interval = _FIRST_CHECK
        lost = {task.job_id for task in self._run.state.outstanding()}
        while True:
            open_jobs = [task.job_id for task in self._run.state.outstanding() if task.job_id in lost]
            if not open_jobs:
                return
            try:
                ends = await consume(TaskCheckMessage(job_ids=open_jobs), result_type=list[TaskEnd])
            except FailureError as error:
                workflow.logger.warning("open tasks could not be checked: %s", error)
                ends = []
            for end in ends:
                self.ended(end)
            await workflow.sleep(interval)
            interval = min(interval * 2, _LONGEST_CHECK)
