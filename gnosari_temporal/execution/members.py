"""The member: one message of a batch or canvas, run by the workflow of the whole."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy

from ..errors import RegistryError
from ..messages import FROM_THE_WIRE, BaseMessage, data_digest
from ..registry import ConsumerPolicy
from ..routing import BATCH, job_id, temporal_priority
from .calls import ConsumerCall
from .engine import engine
from .inputs import ConsumerInput
from .light import LightTask
from .limits import MAX_PAYLOAD_BYTES
from .options import MEMO_OPTIONS, JobOptions
from .search import job_search

_OWN_WORKFLOW = "gnosari.own-workflow"


class Member(BaseModel):
    """One message with its options. The message is plain data, so that no change of its class breaks a replay."""

    model_config = ConfigDict(frozen=True)

    type: str
    """The message type's name."""
    message: dict[str, Any]
    summary: str = Field(default="", exclude_if=operator.not_)
    options: JobOptions | None = Field(default=None, exclude_if=operator.not_)
    """None: those of the whole."""
    start: datetime | None = Field(default=None, exclude_if=operator.not_)
    """Start only then."""

    @property
    def message_id(self) -> str:
        """The id of the message."""
        return str(self.message["message_id"])

    @property
    def max_retries(self) -> int:
        """The message's ``max_retries``; its default where the data has none."""
        return int(self.message.get("max_retries", BaseMessage.model_fields["max_retries"].default))

    @property
    def job_id(self) -> str:
        """The job's id where the member is a workflow."""
        return job_id(self.type, self.message_id)


def member_job_id(whole: str, message_id: str) -> str:
    """The job id of a message that is a part: ``<batch>#<message id>``."""
    return f"{whole}#{message_id}"


class NotServedHere(RuntimeError):
    """This worker has no consumer for a member. No listed failure type: the workflow's task is tried again, and the
    job shows as STUCK with the reason, until a worker that has one takes it."""


async def wait_for_all(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for all, whatever becomes of each; cancelled, cancel them and wait: consumers may clean up, or finish all
    the same."""
    try:
        await workflow.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await workflow.wait(tasks)
        raise


class MemberRunner:
    """Runs members inside the calling workflow."""

    def __init__(self, defaults: JobOptions, *, largest_result: int, batch: str = "") -> None:
        """``defaults`` are the options of members that bring none; ``batch`` marks children of a batch."""
        self._defaults = defaults
        self._largest_result = largest_result
        self._batch = batch
        self._own_workflow: dict[str, bool] = {}

    def recognise(self, types: Iterable[str], *, as_workflows: bool = False) -> None:
        """Find out which of these message types run as child workflows; once, before any member runs.

        The answer is kept in the history: a later worker on which the type has got a workflow of its own, or lost
        it, replays what was begun.
        """
        serving = engine()
        for name in dict.fromkeys(types):
            if as_workflows:
                self._own_workflow[name] = True
            elif workflow.unsafe.is_replaying() or serving.registry.has_own_workflow(name):
                self._own_workflow[name] = workflow.patched(f"{_OWN_WORKFLOW}:{name}")
            else:
                self._own_workflow[name] = False
            if not self._own_workflow[name]:
                self._policy(name)

    def options_of(self, member: Member) -> JobOptions:
        """The options that hold for a member."""
        return member.options or self._defaults

    def has_own_workflow(self, member: Member) -> bool:
        """Whether it runs as a child workflow."""
        return self._own_workflow[member.type]

    async def run(self, member: Member, *, activity_id: str, job: str, result_type: type | None = None) -> Any:
        """Run one member to its end and return its result.

        Args:
            member: What to run.
            activity_id: Id of its activity in this workflow.
            job: Id of the job that it is, if it is an activity.
            result_type: Type of the result.
        """
        options = self.options_of(member)
        if member.start is not None and member.start > workflow.now():
            await workflow.sleep(member.start - workflow.now())
        if self._own_workflow[member.type]:
            return await self._child(member, options, result_type)
        return await self._call(member, options, activity_id, job, result_type).run()

    def light_tasks(self, members: Sequence[tuple[str, Member, int]], batch: str) -> tuple[list[LightTask], timedelta]:
        """An attempt of each of some members in a local activity, and the timeout of all.

        Each comes with its key and with how often its consumer has failed.
        """
        tasks, timeout = [], timedelta(0)
        for key, member, failures in members:
            job = member_job_id(batch, member.message_id)
            call = self._call(member, self.options_of(member), key, job, None, failures)
            tasks.append(LightTask(key=key, consumer=call.consumer, task=call.task))
            timeout += call.timeout
        return tasks, timeout

    def _call(
        self,
        member: Member,
        options: JobOptions,
        activity_id: str,
        job: str,
        result_type: type | None,
        failures: int = 0,
    ) -> ConsumerCall:
        policy = self._policy(member.type)
        task = ConsumerInput(
            message=member.message,
            retry=options.retry or policy.retry,
            timeout=options.timeout or policy.timeout,
            failures=failures,
            job=job,
            largest_result=self._largest_result,
        )
        return ConsumerCall.of(
            policy,
            task,
            engine().routing,
            queue=options.queue,
            priority=options.priority,
            fairness_key=options.fairness_key,
            fairness_weight=options.fairness_weight,
            max_retries=member.max_retries,
            expires=options.expires,
            summary=member.summary,
            result_type=result_type,
            activity_id=activity_id,
        )

    async def _child(self, member: Member, options: JobOptions, result_type: type | None) -> Any:
        own = options.model_copy(
            update={
                "digest": data_digest(member.message),
                "largest_result": min(self._largest_result, MAX_PAYLOAD_BYTES),
            }
        )
        return await workflow.execute_child_workflow(
            member.type,
            member.message,
            id=member.job_id,
            task_queue=own.queue,
            result_type=result_type,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            memo={MEMO_OPTIONS: own},
            search_attributes=job_search(
                searchable=own.searchable,
                queue=own.queue,
                summary=member.summary,
                more={BATCH: self._batch, **_attributes(member)},
            ),
            priority=temporal_priority(
                engine().routing.priority_key(own.priority), own.fairness_key, own.fairness_weight
            ),
            static_summary=member.summary or None,
        )

    def _policy(self, name: str) -> ConsumerPolicy:
        try:
            return engine().registry.policy(name)
        except RegistryError as error:
            raise NotServedHere(str(error)) from None


def _attributes(member: Member) -> Mapping[str, str]:
    try:
        message_type: type[BaseMessage] = engine().registry.message_type(member.type)
        return message_type.model_validate(member.message, context={FROM_THE_WIRE: True}).job_attributes()
    except (RegistryError, ValidationError):
        return {}  # its own workflow says what is wrong with it
