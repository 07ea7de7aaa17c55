"""The workflows of the Celery-shaped shim: a task call with the loop over its attempts, and a group of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn

from pydantic_core import to_jsonable_python
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, FailureError
from temporalio.exceptions import TimeoutError as ServerTimeoutError

from ..execution.activity import ConsumerInput
from ..execution.calls import ConsumerCall
from ..execution.engine import engine
from ..execution.failures import EXPIRED_TYPE
from ..execution.limits import shared_limit
from ..execution.options import MEMO_RETRY, NextAttempt
from ..execution.search import keyword
from ..execution.workflows import job_options
from ..retry import RetrySpec
from ..routing import EXPIRED, STATE
from .failures import CHORD_TYPE, LOST_TYPE, REVOKED_TYPE
from .nodes import check_size, ended_ids, fed, job_of, start_node, told
from .wire import (
    FORGET_SIGNAL,
    GROUP_WORKFLOW,
    MEMO_CALL,
    REVOKE_SIGNAL,
    CallRecord,
    Failed,
    GroupNode,
    GroupRun,
    NextTry,
    Node,
    Outcome,
    TaskMessage,
)

ATTEMPTS_PER_RUN = 200
"""After so many attempts the workflow continues as new, since histories have a limit and retries may have none."""
RETRY = "retry"
"""Key of what an attempt asks for, among the details of its failure."""
_EARLY_ACKNOWLEDGED = "gnosari.acknowledged-early"


class _CallWorkflow:
    """One call of a task; the subclass of a task has ``run``."""

    def __init__(self) -> None:
        self._revoked = False
        self._unkept = False
        self._record: CallRecord = workflow.memo_value(MEMO_CALL, None, type_hint=CallRecord) or CallRecord()

    @workflow.signal(name=REVOKE_SIGNAL)
    def revoke(self) -> None:
        """It is not to start again."""
        self._revoked = True

    @workflow.signal(name=FORGET_SIGNAL)
    def forget(self) -> None:
        """Its id is to be answered as unknown."""
        self._note(forgotten=True)

    async def _run(self, message: TaskMessage) -> Any:
        try:
            value = await self._value(message)
        except ChordFailed as error:
            failure = error.failure
            await self._call_back(message.link_error, error=_told(message, failure))
            raise failure from None
        except ActivityError as error:
            failure = _cause_of(error, lost=True)
            self._note_children(_details_of(failure))
            await self._call_back(message.link_error, error=_told(message, failure))
            raise
        except ApplicationError as error:
            if error.type == EXPIRED_TYPE and job_options().searchable:
                workflow.upsert_search_attributes([keyword(STATE).value_set(EXPIRED)])
            raise
        await self._call_back(message.link, value=value)
        return None if self._unkept and not message.needed else value

    async def _value(self, message: TaskMessage) -> Any:
        if message.upstream is not None:
            _fail(message.upstream)
        args = list(message.args)
        if message.before:
            previous = await run_before(message.before)
            if message.takes_result:
                args.insert(0, previous)
                check_size(args, workflow.info().workflow_id)
        await self._wait_for_start(message)
        links = message.link, message.link_error
        settled = {"args": args, "before": [], "takes_result": True, "countdown": None}
        message = message.model_copy(update={**settled, "link": [], "link_error": []})
        attempt = message.tried
        while True:
            self._refuse_if_revoked()
            if attempt - message.tried >= ATTEMPTS_PER_RUN:
                again = {"tried": attempt, "link": links[0], "link_error": links[1]}
                workflow.continue_as_new(message.model_copy(update=again))
            try:
                outcome = await self._attempt(message, attempt)
                break
            except ActivityError as error:
                wanted, details = _retry_of(error.cause)
                if wanted is None:
                    raise
                self._note_children(details)
                message = message.model_copy(
                    update={
                        "args": message.args if wanted.args is None else wanted.args,
                        "kwargs": message.kwargs if wanted.kwargs is None else wanted.kwargs,
                    }
                )
                attempt += 1
                await self._wait_for_retry(wanted, attempt, error.cause)
        if outcome.ignored or outcome.children:
            self._note(
                state=outcome.state,
                meta=outcome.meta,
                children=[*self._record.children, *outcome.children],
            )
        self._unkept = outcome.unkept
        return outcome.value

    async def _wait_for_start(self, message: TaskMessage) -> None:
        due = message.eta
        if message.countdown is not None:
            due = workflow.now() + message.countdown
        if due is not None and due > workflow.now():
            await self._sleep(due - workflow.now())

    async def _wait_for_retry(self, wanted: NextTry, attempt: int, cause: BaseException | None) -> None:
        if not wanted.delay:
            return
        following = NextAttempt(
            attempt=attempt + 1,
            at=workflow.now() + wanted.delay,
            reason=cause.message if isinstance(cause, ApplicationError) else str(cause),
            details={"exception": wanted.reason} if wanted.reason else {},
        )
        workflow.upsert_memo({MEMO_RETRY: to_jsonable_python(following)})
        await self._sleep(wanted.delay)

    async def _sleep(self, duration: timedelta) -> None:
        try:
            await workflow.wait_condition(lambda: self._revoked, timeout=duration)
        except TimeoutError:
            return

    def _refuse_if_revoked(self) -> None:
        if self._revoked:
            raise ApplicationError("revoked", type=REVOKED_TYPE, non_retryable=True)

    async def _attempt(self, message: TaskMessage, attempt: int) -> Outcome:
        serving, options = engine(), job_options()
        policy = serving.registry.policy(workflow.info().workflow_type)
        limit = timedelta(seconds=message.time_limit) if message.time_limit else policy.timeout
        call = ConsumerCall.of(
            policy,
            ConsumerInput(
                message=message,
                failures=attempt,
                retry=RetrySpec(maximum_attempts=attempt + 1),
                timeout=options.timeout or limit,
            ),
            serving.routing,
            queue=options.queue,
            priority=options.priority,
            fairness_key=options.fairness_key,
            fairness_weight=options.fairness_weight,
            max_retries=0,
            expires=options.expires if attempt == 0 else None,
            summary=message.job_summary(),
            result_type=Outcome,
            repeat_lost=not self._acknowledged_early(policy.consumer),
        )
        outcome: Outcome = await call.run()
        return outcome

    @staticmethod
    def _acknowledged_early(consumer: str) -> bool:
        """Whether an attempt that is lost is not to be repeated; kept in the history, as a deploy may change it."""
        early = getattr(engine().registry.consumer(consumer), "acknowledged_early", False)
        return workflow.patched(_EARLY_ACKNOWLEDGED) if workflow.unsafe.is_replaying() or early else False

    async def _call_back(self, links: Sequence[Node], *, value: Any = None, error: Failed | None = None) -> None:
        if not links:
            return
        ready = [told(node, error) if error is not None else fed(node, value) for node in links]
        await asyncio.gather(*(start_node(node) for node in ready))
        self._note(children=[*self._record.children, *(id for node in links for id in ended_ids(node))])

    def _note_children(self, details: dict[str, Any]) -> None:
        if details.get("children"):
            self._note(children=[*self._record.children, *details["children"]])

    def _note(self, **changes: Any) -> None:
        self._record = self._record.model_copy(update=changes)
        workflow.upsert_memo({MEMO_CALL: to_jsonable_python(self._record)})


def workflow_of_task(message_type: type[TaskMessage]) -> type:
    """The workflow of a task; its type is the task's name."""

    async def run(self: Any, message: TaskMessage) -> Any:
        return await self._run(message)

    run.__annotations__ = {"message": message_type, "return": Any}
    run.__qualname__ = "Call.run"
    namespace = {"run": workflow.run(run), "__module__": __name__, "__doc__": f"A call of {message_type.__name__}."}
    generated = type("Call", (_CallWorkflow,), {**namespace, "__qualname__": "Call"})
    return workflow.defn(name=message_type.__name__, sandboxed=False)(generated)


@workflow.defn(name=GROUP_WORKFLOW, sandboxed=False)
class GroupWorkflow:
    """Starts calls side by side; returns their results, in order, if it is to collect them."""

    @workflow.run
    async def run(self, given: GroupRun) -> list[Any] | None:
        """Run the group."""
        node, upstream = given.node, given.upstream
        if node.before and upstream is None:
            try:
                previous = await run_before(node.before)
            except ApplicationError as error:
                upstream = _failed(error)
            except ChordFailed as error:
                upstream = _failed(error.failure)
            else:
                ready = fed(node.model_copy(update={"before": []}), previous)
                assert isinstance(ready, GroupNode)
                node = ready
        limit = shared_limit(2 * len(node.nodes)) if given.collect else None
        handles = await asyncio.gather(
            *(start_node(part, collect=given.collect, upstream=upstream, largest_result=limit) for part in node.nodes)
        )
        if upstream is not None:
            _fail(upstream)
        if not given.collect:
            return None
        results = await asyncio.gather(*handles, return_exceptions=True)
        values: list[Any] = []
        for part, result in zip(node.nodes, results, strict=True):
            if isinstance(result, BaseException):
                raise _dependency_failed(part, result)
            values.extend(result if node.sliced else [result])
        return values


class ChordFailed(Exception):
    """The header of a chord failed; inside the workflow only."""

    def __init__(self, failure: ApplicationError) -> None:
        super().__init__(failure.message)
        self.failure = failure


async def run_before(nodes: Sequence[Node]) -> Any:
    """Run parts one after another, each with the result of the one before; gives the result of the last.

    Raises:
        ApplicationError: a call failed, with its own failure; what would have come after it fails likewise.
        ChordFailed: a group failed.
    """
    previous: Any = None
    limit = shared_limit(2 * len(nodes))
    for number, node in enumerate(nodes):
        ready = fed(node, previous) if number else node
        handle = await start_node(ready, collect=True, largest_result=limit)
        try:
            previous = await handle
        except ChildWorkflowError as error:
            failure = _cause_of(error)
            for skipped in nodes[number + 1 :]:
                await start_node(skipped, upstream=_failed(failure))
            if isinstance(node, GroupNode):
                raise ChordFailed(failure) from None
            raise failure from None
    return previous


def _cause_of(error: BaseException, *, lost: bool = False) -> ApplicationError:
    """The failure of a call; one that has none of its own was revoked, or lost with its worker."""
    cause: BaseException | None = error
    while isinstance(cause, ActivityError | ChildWorkflowError) and cause.cause is not None:
        cause = cause.cause
    if isinstance(cause, ApplicationError):
        return ApplicationError(cause.message, *cause.details, type=cause.type, non_retryable=True)
    text = cause.message if isinstance(cause, FailureError) else str(cause)
    kind = LOST_TYPE if lost or isinstance(cause, ServerTimeoutError) else REVOKED_TYPE
    return ApplicationError(text or "revoked", type=kind, non_retryable=True)


def _dependency_failed(part: Node, error: BaseException) -> ApplicationError:
    """The failure of a chord by one of its header's calls, worded as Celery does."""
    if not isinstance(error, ActivityError | ChildWorkflowError | ApplicationError):
        raise error
    cause = _cause_of(error)
    if cause.type == CHORD_TYPE:
        return cause
    shown = f"{cause.type}({cause.message!r})"
    return ApplicationError(
        f"Dependency {job_of(part).partition('/')[2]} raised {shown}", type=CHORD_TYPE, non_retryable=True
    )


def _details_of(error: ApplicationError) -> dict[str, Any]:
    return error.details[0] if error.details and isinstance(error.details[0], dict) else {}


def _retry_of(cause: BaseException | None) -> tuple[NextTry | None, dict[str, Any]]:
    if not isinstance(cause, ApplicationError):
        return None, {}
    details = _details_of(cause)
    return (NextTry.model_validate(details[RETRY]) if RETRY in details else None), details


def _failed(error: ApplicationError) -> Failed:
    return Failed(type=error.type or "Exception", message=error.message, details=_details_of(error))


def _told(message: TaskMessage, error: ApplicationError) -> Failed:
    """The failure of this call, for its error callbacks."""
    return Failed(
        task_id=message.message_id,
        task=message.task_name,
        args=message.args,
        kwargs=message.kwargs,
        type=error.type or "Exception",
        message=error.message,
        details=_details_of(error),
    )


def _fail(failed: Failed) -> NoReturn:
    raise ApplicationError(failed.message, failed.details, type=failed.type, non_retryable=True)


__all__ = ["GroupWorkflow", "workflow_of_task"]
