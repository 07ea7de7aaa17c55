"""The handle of a job that was sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, cast

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from typing_extensions import TypeVar

from ..consumers import duration
from ..durations import format_duration
from ..errors import JobError, JobNotFound, ResultTimeout
from ..execution.approvals import ANSWER_SIGNAL, Answer
from ..execution.failures import CANCELLED_BEFORE_START, to_job_error
from ..routing import split_job_id
from .connection import has_no_answer, unreachable
from .status import JobState, JobStatus, read_status

R = TypeVar("R", default=Any)

_ASK_AGAIN = 1.0
_LONGEST_POLL = 20.0
_STARTS_LATER = timedelta(seconds=0.1)


class JobHandle(Generic[R]):
    """A job on the server: wait for it, look at it, cancel it."""

    def __init__(
        self, client: Client, job_id: str, *, run_id: str | None = None, result_type: type[R] | None = None
    ) -> None:
        self._client = client
        self.id = job_id
        """The job's id, which is its workflow id: ``<message type>/<message id>``."""
        self.run_id = run_id
        """The run that this handle is pinned to; None: the latest."""
        self.result_type = result_type
        """What the result is read as; None: plain JSON data."""

    def __repr__(self) -> str:
        return f"<JobHandle {self.id}>"

    @property
    def message_id(self) -> str:
        """The id of the job's message."""
        return split_job_id(self.id)[1]

    @property
    def workflow(self) -> WorkflowHandle[Any, Any]:
        """Temporal's own handle, for signals, queries and updates."""
        return self._client.get_workflow_handle(
            self.id, first_execution_run_id=None, run_id=self.run_id, result_type=self.result_type
        )

    async def result(self, timeout: timedelta | float | None = None) -> R:
        """Wait for the result; ``timeout`` in seconds as a number.

        Raises:
            JobFailed, JobLost, JobCancelled, JobExpired: what became of it instead.
            ResultTimeout: it is not finished yet, and goes on.
            JobNotFound: the server has no such job.
        """
        limit = duration(timeout)
        try:
            async with asyncio.timeout(limit.total_seconds() if limit is not None else None):
                return await self._awaited()
        except WorkflowFailureError as error:
            raise to_job_error(error, self.id) from error
        except TimeoutError:
            assert limit is not None
            raise still_running(self.id, limit) from None
        except RPCError as error:
            raise self._explain(error) from error

    async def _awaited(self) -> R:
        """Ask again after 1, 2, 4 … s. About one long poll in a thousand is not told by the server that the job has
        ended, and would answer only when the server gives it up, after 20 s."""
        patience = _ASK_AGAIN
        while True:
            asking = asyncio.ensure_future(self.workflow.result())
            try:
                await asyncio.wait({asking}, timeout=patience)
            finally:
                if not asking.done():
                    asking.cancel()
            if asking.done():
                return cast("R", asking.result())
            patience = min(patience * 2, _LONGEST_POLL)

    async def status(self) -> JobStatus:
        """Where the job stands; NOT_FOUND for one that the server does not have (any more)."""
        try:
            return await read_status(self._client, await self._describe())
        except JobNotFound:
            return JobStatus(id=self.id, state=JobState.NOT_FOUND)

    async def progress(self) -> Any:
        """What the consumer last gave to ``heartbeat``; lags by up to a second."""
        return (await self.status()).progress

    async def cancel(self) -> None:
        """Ask the job to stop: its consumer is cancelled within about a second, one that has not started never runs.

        Raises:
            JobNotFound: the server has no such job, or it is over.
        """
        described = await self._describe()
        running = self._running_part(described)
        starts = described.workflow_execution_info.execution_time.ToDatetime(tzinfo=UTC)
        try:
            if starts - datetime.now(UTC) > _STARTS_LATER:
                # Its workflow would hear of its cancellation only when it starts.
                await running.terminate(reason=CANCELLED_BEFORE_START)
            else:
                await running.cancel()
        except RPCError as error:
            raise self._explain(error) from error

    async def terminate(self, reason: str = "") -> None:
        """End the job at once; its consumer is not asked.

        Raises:
            JobNotFound: the server has no such job, or it is over.
        """
        running = await self._running()
        try:
            await running.terminate(reason=reason)
        except RPCError as error:
            raise self._explain(error) from error

    async def approve(self, *, reason: str | None = None, by: str | None = None, key: str = "") -> None:
        """Answer yes to the open question of the job (all of them, or that under ``key``).

        Raises:
            JobError: no such question is open.
        """
        await self._answer(Answer(approved=True, reason=reason, by=by, key=key))

    async def reject(self, *, reason: str | None = None, by: str | None = None, key: str = "") -> None:
        """Answer no to the open question of the job (all of them, or that under ``key``).

        Raises:
            JobError: no such question is open.
        """
        await self._answer(Answer(approved=False, reason=reason, by=by, key=key))

    async def steer(self, text: str) -> None:
        """Put a message before the agent of a run at its next turn.

        Raises:
            JobError: the job is no agent's run.
            JobNotFound: the server has no such job, or it is over.
        """
        from ..agents.signals import AGENT_TYPE, STEER_SIGNAL

        if split_job_id(self.id)[0] != AGENT_TYPE:
            raise JobError(f"job {self.id} is no agent's run: there is nobody to tell", job_id=self.id)
        running = await self._running()
        try:
            await running.signal(STEER_SIGNAL, text)
        except RPCError as error:
            raise self._explain(error) from error

    async def _answer(self, answer: Answer) -> None:
        status = await self.status()
        if status.state is JobState.NOT_FOUND:
            raise no_such_job(self.id)
        keys = [question.key for question in status.questions]
        if not keys or (answer.key and answer.key not in keys):
            asked = f"open are {', '.join(keys)}" if keys else f"it is {status.state}"
            wanted = f"question {answer.key!r}" if answer.key else "an answer"
            raise JobError(f"job {self.id} does not wait for {wanted}: {asked}", job_id=self.id)
        running = await self._running()
        try:
            await running.signal(ANSWER_SIGNAL, answer)
        except RPCError as error:
            raise self._explain(error) from error

    async def _running(self) -> WorkflowHandle[Any, Any]:
        """The handle of what runs now: not of the run that this handle is pinned to, if that continued as new."""
        return self._running_part(await self._describe())

    def _running_part(self, described: DescribeWorkflowExecutionResponse) -> WorkflowHandle[Any, Any]:
        if described.workflow_execution_info.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
            # The server takes the cancellation of what is over without a word.
            raise JobNotFound(f"job {self.id} is over already", job_id=self.id)
        return self._client.get_workflow_handle(self.id)

    async def _describe(self) -> DescribeWorkflowExecutionResponse:
        """What the server says of the run; of the last one, where it continued as new."""
        described = await self._describe_run(self.run_id or "")
        info = described.workflow_execution_info
        if info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
            last = await self._describe_run("")
            if last.workflow_execution_info.first_run_id == info.first_run_id:
                return last
        return described

    async def _describe_run(self, run_id: str) -> DescribeWorkflowExecutionResponse:
        try:
            return await self._client.workflow_service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(
                    namespace=self._client.namespace,
                    execution=WorkflowExecution(workflow_id=self.id, run_id=run_id),
                )
            )
        except RPCError as error:
            raise self._explain(error) from error

    def _explain(self, error: RPCError) -> Exception:
        return explain_rpc_error(self._client, self.id, error)


def explain_rpc_error(client: Client, id: str, error: RPCError, what: str = "job") -> Exception:
    """Our error for what the server answered about a job (or batch)."""
    if error.status is RPCStatusCode.NOT_FOUND:
        over = "already completed" in error.message
        return JobNotFound(f"{what} {id} is over already", job_id=id) if over else no_such_job(id, what)
    if has_no_answer(error):
        return unreachable(client.service_client.config.target_host, error)
    return JobError(f"{what} {id}: {error.message}", job_id=id)


def no_such_job(id: str, what: str = "job") -> JobNotFound:
    """The error for a job (or batch) that the server does not have."""
    return JobNotFound(
        f"no {what} {id} on the server: it was never sent there, or it has been over for longer than the namespace "
        "keeps jobs (`gnosari doctor` says how long)",
        job_id=id,
    )


def still_running(job_id: str, waited: timedelta) -> ResultTimeout:
    """The error for a job that is not finished after this long."""
    return ResultTimeout(f"job {job_id} is not finished after {format_duration(waited)}; it goes on", job_id=job_id)
