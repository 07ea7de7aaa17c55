"""The handle of one message of a batch, group, chain or chord: ``<batch id>#<message id>``."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pydantic import TypeAdapter
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from typing_extensions import TypeVar

from ..consumers import duration
from ..errors import JobCancelled, JobError, JobExpired, JobNotFound, ResultTimeout
from ..execution.approvals import Answer
from ..execution.batch import CANCEL_SIGNAL
from ..execution.calls import main_activity_id
from .handle import JobHandle, explain_rpc_error, no_such_job, still_running
from .locating import Located, is_in_canvas, is_member_id, locate
from .outcomes import Outcome, OutcomeReader
from .status import JobState, JobStatus, pending_state

R = TypeVar("R", default=Any)

_LOOK = timedelta(seconds=1)


def job_handle(
    client: Client, id: str, *, run_id: str | None = None, result_type: type[R] | None = None
) -> JobHandle[R]:
    """The handle for a job id of any kind."""
    if is_member_id(id):
        return MemberHandle(client, id, result_type=result_type)
    return JobHandle(client, id, run_id=run_id, result_type=result_type)


class MemberHandle(JobHandle[R]):
    """One message of a batch, group, chain or chord: wait for it, look at it, cancel it.

    Where it is is looked up when it is first asked for: in a batch, chunk by chunk.
    """

    def __init__(self, client: Client, job_id: str, *, result_type: type[R] | None = None) -> None:
        super().__init__(client, job_id, result_type=result_type)
        self.whole, _, self._message_id = job_id.partition("#")
        self._found: Located | None = None

    def __repr__(self) -> str:
        return f"<MemberHandle {self.id}>"

    @property
    def message_id(self) -> str:
        """The id of the message."""
        return self._message_id

    @property
    def workflow(self) -> WorkflowHandle[Any, Any]:
        """Temporal's own handle, of the workflow that runs the whole.

        Raises:
            JobError: it was not looked up yet: ask for ``status`` first.
        """
        if self._found is None:
            raise JobError(f"job {self.id} was not looked up yet: ask for its status first", job_id=self.id)
        return self._client.get_workflow_handle(self._found.workflow_id)

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
                found = await self._locate()
                outcome = await self._outcome(found)
                if outcome is None:
                    return await self._child(found).result()
                return self._typed(outcome.result())
        except TimeoutError as error:
            if isinstance(error, ResultTimeout) or limit is None:
                raise
            raise still_running(self.id, limit) from None
        except RPCError as error:
            raise explain_rpc_error(self._client, self.id, error) from error

    async def status(self) -> JobStatus:
        """Where the message stands; NOT_FOUND for one that the server does not have (any more)."""
        try:
            found = await self._locate()
            description = await self._describe_whole(found)
            if description is None:
                return self._status(found, JobState.QUEUED, reason="what runs before it is not over")
            children = {child.workflow_id for child in description.pending_children}
            if found.place.child_id in children:
                return await self._child(found).status()
            for pending in description.pending_activities:
                if main_activity_id(pending.activity_id) == found.activity_id:
                    known = await pending_state(self._client, pending, expired=_passed(found.options.expires))
                    return self._status(found, **known)
            return await self._status_from_history(found, description)
        except JobNotFound:
            return JobStatus(id=self.id, state=JobState.NOT_FOUND)
        except RPCError as error:
            raise explain_rpc_error(self._client, self.id, error) from error

    async def cancel(self) -> None:
        """Ask this one message to stop; the others go on.

        Raises:
            JobNotFound: the server has no such job, or it is over.
            JobError: it is part of a light batch, a group, chain or chord, which can be cancelled as a whole only.
        """
        status = await self.status()
        if status.state is JobState.NOT_FOUND:
            raise no_such_job(self.id)
        if status.state.ended:
            raise JobNotFound(f"job {self.id} is over already", job_id=self.id)
        found = await self._locate()
        if status.id == found.place.child_id:
            await self._child(found).cancel()
        elif found.light or is_in_canvas(self.whole):
            raise JobError(f"job {self.id} is a part of {self.whole}: cancel that", job_id=self.id)
        else:
            try:
                await self.workflow.signal(CANCEL_SIGNAL, [found.place.index])
            except RPCError as error:
                raise explain_rpc_error(self._client, self.id, error) from error

    async def terminate(self, reason: str = "") -> None:
        """Refused: a message ends with the whole, or is cancelled.

        Raises:
            JobError: always.
        """
        raise JobError(f"job {self.id} is a part of {self.whole}: cancel it instead", job_id=self.id)

    async def _answer(self, answer: Answer) -> None:
        status = await self.status()
        found = await self._locate()
        if status.id != found.place.child_id:
            raise JobError(f"job {self.id} does not wait for an answer: it is {status.state}", job_id=self.id)
        await self._child(found)._answer(answer)

    def _typed(self, value: Any) -> R:
        return cast("R", value) if self.result_type is None else TypeAdapter(self.result_type).validate_python(value)

    def _child(self, found: Located) -> JobHandle[R]:
        return JobHandle(self._client, found.place.child_id, result_type=self.result_type)

    async def _outcome(self, found: Located) -> Outcome | None:
        """Wait for its outcome; None: it is that of the job of its own."""
        while True:
            reader = OutcomeReader(self._client, found.workflow_id)
            reader.expect({found.activity_id: found.place})
            try:
                while not reader.closed:
                    known = await reader.outcomes(await reader.events())
                    if reader.elsewhere:
                        return None
                    if known:
                        return known[0]
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND or found.workflow_id == self.whole:
                    raise
            await asyncio.sleep(_LOOK.total_seconds())  # a part of a canvas whose turn has not come

    async def _status_from_history(self, found: Located, description: DescribeWorkflowExecutionResponse) -> JobStatus:
        reader = OutcomeReader(self._client, found.workflow_id)
        reader.expect({found.activity_id: found.place})
        over = bool(description.workflow_execution_info.HasField("close_time"))
        known = await reader.outcomes(await reader.events())
        while over and not known and not reader.closed and not reader.elsewhere:
            known = await reader.outcomes(await reader.events())
        if reader.elsewhere or (known and known[0].job_id == found.place.child_id):
            return await self._child(found).status()
        if known:
            return self._status(found, _state(known[0]), reason=_reason(known[0]))
        if found.member.start is not None and not _passed(found.member.start):
            return self._status(found, JobState.SCHEDULED, starts_at=found.member.start)
        return self._status(found, JobState.EXPIRED if _passed(found.options.expires) else JobState.QUEUED)

    def _status(self, found: Located, state: JobState, **known: Any) -> JobStatus:
        return JobStatus(
            **{
                "id": self.id,
                "state": state,
                "type": found.member.type,
                "queue": found.options.queue,
                "priority": found.options.priority,
                "summary": found.member.summary,
                "expires_at": found.options.expires,
                "parent": found.workflow_id,
                **known,
            }
        )

    async def _describe_whole(self, found: Located) -> DescribeWorkflowExecutionResponse | None:
        try:
            return await self._client.workflow_service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(
                    namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=found.workflow_id)
                ),
                retry=True,
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and found.workflow_id != self.whole:
                return None
            raise

    async def _locate(self) -> Located:
        if self._found is None:
            try:
                self._found = await locate(self._client, self.id)
            except RPCError as error:
                raise explain_rpc_error(self._client, self.id, error) from error
        return self._found


def _passed(moment: datetime | None) -> bool:
    return moment is not None and moment <= datetime.now(UTC)


def _state(outcome: Outcome) -> JobState:
    if outcome.error is None:
        return JobState.SUCCEEDED
    if isinstance(outcome.error, JobExpired):
        return JobState.EXPIRED
    return JobState.CANCELLED if isinstance(outcome.error, JobCancelled) else JobState.FAILED


def _reason(outcome: Outcome) -> str:
    error = outcome.error
    kind = getattr(error, "exception_type", "")
    return f"{kind}: {getattr(error, 'exception_message', '')}" if kind else str(error or "")
