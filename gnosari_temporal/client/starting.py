"""Starting a workflow under an id that means something: the same id is the same work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ..errors import GnosariError
from ..execution.options import MEMO_OPTIONS, JobOptions
from ..execution.search import job_search
from ..routing import temporal_priority
from .connection import has_no_answer, unreachable

if TYPE_CHECKING:
    from .client import GnosariClient


@dataclass(frozen=True, kw_only=True)
class Start:
    """A workflow that is to start."""

    type: str
    id: str
    input: Any
    options: JobOptions
    summary: str
    delay: timedelta | None = None
    memo: Mapping[str, Any] = field(default_factory=dict)
    """More than the options."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Search attributes, more than the queue."""


@dataclass(frozen=True)
class Started:
    """What the server answered."""

    run_id: str | None
    earlier: JobOptions | None = None
    """The options of the workflow that has the id already and was taken instead; None: it is new, or says nothing."""

    def differs(self, options: JobOptions) -> bool:
        """Whether the id was used for other content."""
        return self.earlier is not None and bool(self.earlier.digest) and self.earlier.digest != options.digest


async def start(client: GnosariClient, given: Start, *, compare: bool = True) -> Started:
    """Start it; one that runs or has succeeded under the id is taken instead, one that failed is started anew.

    Args:
        client: Where.
        given: What.
        compare: Read the options of one that is taken, at the cost of another call.

    Raises:
        ServerUnreachable: nobody answers.
        GnosariError: the server refused it.
    """
    options = given.options
    try:
        handle = await client.temporal.start_workflow(
            given.type,
            given.input,
            id=given.id,
            task_queue=options.queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            # FAIL rather than USE_EXISTING: the outcome is the same, and the answer tells a new job from an old.
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={MEMO_OPTIONS: options, **given.memo},
            search_attributes=job_search(
                searchable=client.searchable, queue=options.queue, summary=given.summary, more=given.attributes
            ),
            start_delay=given.delay,
            priority=temporal_priority(
                client.routing.priority_key(options.priority), options.fairness_key, options.fairness_weight
            ),
            static_summary=given.summary,
        )
    except WorkflowAlreadyStartedError as error:
        return Started(error.run_id, await _options_of(client, given.id, error.run_id) if compare else None)
    except RPCError as error:
        raise _explain(client, given.id, error) from error
    return Started(handle.first_execution_run_id)


async def _options_of(client: GnosariClient, id: str, run_id: str | None) -> JobOptions | None:
    try:
        description = await client.temporal.get_workflow_handle(id, run_id=run_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None  # its retention ended in this moment
        raise _explain(client, id, error) from error
    found: Any = await description.memo_value(MEMO_OPTIONS, None, type_hint=JobOptions)
    return found if isinstance(found, JobOptions) else None


def _explain(client: GnosariClient, id: str, error: RPCError) -> GnosariError:
    if has_no_answer(error):
        return unreachable(client.temporal.service_client.config.target_host, error)
    return GnosariError(f"the server refused {id}: {error.message}")
