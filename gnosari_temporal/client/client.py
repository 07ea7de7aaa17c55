"""The client: sends messages to a Temporal server."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from ..consumers import BaseConsumer, result_type_of
from ..errors import GnosariError, InvalidMessage, MessageConflict
from ..execution.converter import data_converter
from ..execution.limits import check_message
from ..execution.options import MEMO_OPTIONS, JobOptions, SendOptions, resolve_options
from ..execution.search import typed_attributes
from ..messages import BaseMessage, explain, shorten
from ..registry import Registry
from ..routing import QUEUE, Routing, job_id, temporal_priority
from ..settings import Settings
from .connection import connect, has_search_attributes, unreachable
from .handle import JobHandle
from .listing import list_jobs
from .status import JobState, JobStatus

R = TypeVar("R")


class GnosariClient:
    """Sends messages and follows jobs. Make one with ``connect`` and share it; it is safe between tasks."""

    def __init__(
        self,
        client: Client,
        *,
        settings: Settings | None = None,
        registry: Registry | None = None,
        searchable: bool = True,
    ) -> None:
        """Wrap a Temporal client of your own.

        ``registry`` tells the queues that consumers declare; without it the message type, the routes and the
        default queue decide. ``searchable`` says that the server has the engine's search attributes.
        """
        if client.data_converter.payload_converter_class is not data_converter.payload_converter_class:
            config = client.config()
            config["data_converter"] = dataclasses.replace(
                config["data_converter"], payload_converter_class=data_converter.payload_converter_class
            )
            client = Client(**config)
        self.temporal = client
        """The Temporal client underneath."""
        self.settings = settings or Settings()
        self.registry = registry
        self.routing = Routing.of(self.settings)
        self.searchable = searchable

    @classmethod
    async def connect(
        cls,
        settings: Settings | None = None,
        *,
        registry: Registry | None = None,
        runtime: Runtime | None = None,
        **overrides: Any,
    ) -> Self:
        """Connect by the settings (``TEMPORAL_ADDRESS`` …); ``overrides`` are arguments of Temporal's connect.

        Raises:
            ServerUnreachable: nobody answers at the address.
            SettingsError: a setting cannot work.
        """
        given = settings or Settings.load()
        client = await connect(given, runtime=runtime, **overrides)
        return cls(client, settings=given, registry=registry, searchable=await has_search_attributes(client))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close: Temporal's client lives as long as it is referenced."""

    @overload
    async def send(
        self, message: BaseMessage, *, consumer: type[BaseConsumer[Any, R]], **options: Any
    ) -> JobHandle[R]: ...

    @overload
    async def send(
        self, message: BaseMessage, options: SendOptions | None = None, **overrides: Any
    ) -> JobHandle[Any]: ...

    async def send(
        self,
        message: BaseMessage,
        options: SendOptions | None = None,
        *,
        consumer: type[BaseConsumer[Any, Any]] | None = None,
        message_id: str | None = None,
        existing_wins: bool = False,
        **overrides: Any,
    ) -> JobHandle[Any]:
        """Send a message: it becomes a workflow, and the handle follows it.

        A snapshot is sent; what happens to the object later has no effect. Sending the same ``message_id`` again
        gives the same job, also after it succeeded; one that failed, expired or was cancelled is sent anew.

        Args:
            message: What to send.
            options: Overrides as one object; or give its fields as keywords (``priority``, ``queue``, ``retry``,
                ``delay``, ``at``, ``expires``, ``timeout``, ``fairness_key``, ``fairness_weight``).
            consumer: The consumer that will serve it, for its queue and the type of the result.
            message_id: An id in place of the message's own.
            existing_wins: Take the job that has the id even if its content differs.

        Raises:
            InvalidMessage, MessageTooLarge: refused before anything was sent.
            MessageConflict: the id was used for other content.
            ServerUnreachable: nobody answers.
        """
        given = self._options(options, overrides)
        snapshot = self._snapshot(message, message_id)
        check_message(snapshot)
        now = datetime.now(UTC)
        declared = consumer.queue if consumer else None
        if declared is None and self.registry is not None:
            declared = self.registry.declared_queue(type(snapshot))
        resolved = resolve_options(
            snapshot, given, self.routing, declared_queue=declared, searchable=self.searchable, now=now
        )
        return await self._start(snapshot, resolved, given.start_delay(now), existing_wins, consumer)

    async def send_and_wait(
        self,
        message: BaseMessage,
        options: SendOptions | None = None,
        *,
        wait: timedelta | float | None = None,
        **overrides: Any,
    ) -> Any:
        """Send a message and wait for its result, at most ``wait`` (seconds as a number).

        Raises: what ``send`` and ``JobHandle.result`` raise.
        """
        return await (await self.send(message, options, **overrides)).result(wait)

    def job(self, id: str, *, run_id: str | None = None) -> JobHandle[Any]:
        """The handle of a job by its id; the server is not asked."""
        return JobHandle(self.temporal, id, run_id=run_id)

    def jobs(
        self, *, state: JobState | str | None = None, type: str | None = None, limit: int | None = 100
    ) -> AsyncIterator[JobStatus]:
        """Jobs on the server, newest first, of one state or message type."""
        return list_jobs(self.temporal, state=state, type=type, limit=limit, searchable=self.searchable)

    @staticmethod
    def _options(options: SendOptions | None, overrides: dict[str, Any]) -> SendOptions:
        if not overrides:
            return options or SendOptions()
        base = options.model_dump(exclude_unset=True) if options else {}
        try:
            return SendOptions.model_validate({**base, **overrides})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                known = ", ".join(SendOptions.model_fields)
                raise TypeError(f"send() has no option {name!r}; it has {known}") from None
            text = problem["msg"].removeprefix("Value error, ")
            raise InvalidMessage(f"send option {name}: {text} (got {problem['input']!r})" if name else text) from None

    @staticmethod
    def _snapshot(message: BaseMessage, message_id: str | None) -> BaseMessage:
        if not isinstance(message, BaseMessage):
            raise InvalidMessage(f"send() takes a message, a subclass of BaseMessage; got {shorten(repr(message), 80)}")
        data = message.model_dump()
        if message_id is not None:
            data["message_id"] = message_id
        try:
            # Validated again: what was put into a list or dict of the message by mutation counts too.
            return type(message).model_validate(data, by_name=True, by_alias=True)
        except ValidationError as error:
            raise InvalidMessage(explain(type(message), error)) from None

    async def _start(
        self,
        message: BaseMessage,
        options: JobOptions,
        delay: timedelta | None,
        existing_wins: bool,
        consumer: type[BaseConsumer[Any, Any]] | None,
    ) -> JobHandle[Any]:
        name = type(message).__name__
        result_type = result_type_of(consumer) if consumer else None
        id = job_id(name, message.message_id)
        attributes = {QUEUE: options.queue, **message.job_attributes()} if self.searchable else {}
        try:
            handle = await self.temporal.start_workflow(
                name,
                message,
                id=id,
                task_queue=options.queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                # FAIL rather than USE_EXISTING: the outcome is the same, and the answer tells a new job from an old.
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={MEMO_OPTIONS: options},
                search_attributes=typed_attributes(attributes) if attributes else TypedSearchAttributes.empty,
                start_delay=delay,
                priority=temporal_priority(
                    self.routing.priority_key(options.priority), options.fairness_key, options.fairness_weight
                ),
                static_summary=message.job_summary(),
            )
        except WorkflowAlreadyStartedError as error:
            existing: JobHandle[Any] = JobHandle(self.temporal, id, run_id=error.run_id, result_type=result_type)
            if not existing_wins:
                await self._same_content(existing, options.digest)
            return existing
        except RPCError as error:
            if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
                raise unreachable(self.temporal.service_client.config.target_host, error) from error
            raise GnosariError(f"the server refused {id}: {error.message}") from error
        return JobHandle(self.temporal, id, run_id=handle.first_execution_run_id, result_type=result_type)

    async def _same_content(self, existing: JobHandle[Any], digest: str) -> None:
        description = await existing.workflow.describe()
        options: Any = await description.memo_value(MEMO_OPTIONS, None, type_hint=JobOptions)
        if options is None or not options.digest or options.digest == digest:
            return
        raise MessageConflict(
            f"message id {existing.message_id!r} was used for other content: job {existing.id} (run "
            f"{existing.run_id}) was sent with digest {options.digest[:8]}, this message has {digest[:8]}. "
            "Give the new message an id of its own",
            job_id=existing.id,
        )
