"""The client: sends messages to a Temporal server."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from temporalio.client import Client
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from ..consumers import BaseConsumer, result_type_of
from ..errors import GnosariError, MessageConflict
from ..execution.converter import data_converter
from ..execution.limits import check_message
from ..execution.options import MEMO_OPTIONS, JobOptions, SendOptions, options_from, resolve_options
from ..execution.search import typed_attributes
from ..execution.signatures import Signature
from ..messages import BaseMessage
from ..registry import Registry
from ..routing import QUEUE, Routing, job_id, temporal_priority
from ..settings import Settings
from .batch import BatchHandle
from .connection import connect, has_search_attributes, unreachable
from .handle import JobHandle
from .listing import list_jobs
from .preparing import snapshot
from .sending import send_batch
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
        given = options_from(options, overrides)
        sent = snapshot(message, message_id)
        check_message(sent)
        now = datetime.now(UTC)
        declared = consumer.queue if consumer else None
        if declared is None and self.registry is not None:
            declared = self.registry.declared_queue(type(sent))
        resolved = resolve_options(
            sent, given, self.routing, declared_queue=declared, searchable=self.searchable, now=now
        )
        return await self._start(sent, resolved, given.start_delay(now), existing_wins, consumer)

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

    async def send_many(
        self,
        messages: Iterable[BaseMessage | Signature] | AsyncIterable[BaseMessage | Signature],
        options: SendOptions | None = None,
        *,
        batch_id: str | None = None,
        light: bool = False,
        as_workflows: bool = False,
        **overrides: Any,
    ) -> BatchHandle:
        """Send a batch: any number of messages, in chunks of at most a hundred, each with retries and a result.

        Returns once the server has all of them; memory stays flat however many there are. Messages of a type with
        a workflow of its own become jobs of their own, the others are addressed ``<batch id>#<message id>``.

        The same batch id with the same messages is one batch: a sender that stopped half-way sends again, and only
        what is missing is added. For that, messages need the same content in the same order; ids count unless they
        are random UUIDs, as the default ones are.

        Args:
            messages: Messages, or ``signature(message, ...)`` for options of one message.
            options: For all messages; or give the fields as keywords, as in ``send``.
            batch_id: Its identity; a random one by default.
            light: Run consumers as local activities: more of them a second, for short idempotent ones; without
                priority, lane, fairness and heartbeats, and results of at most 3 MB for each chunk.
            as_workflows: Make a job of its own of every message.

        Raises:
            InvalidMessage, MessageTooLarge: a message was refused; those before it may have been sent.
            MessageConflict: the batch id was used for other messages.
            ServerUnreachable: nobody answers.
        """
        return await send_batch(
            self,
            messages,
            options_from(options, overrides),
            batch_id=batch_id,
            light=light,
            as_workflows=as_workflows,
        )

    def batch(self, id: str) -> BatchHandle:
        """The handle of a batch by its id; the server is not asked."""
        return BatchHandle(self.temporal, id)

    def job(self, id: str, *, run_id: str | None = None) -> JobHandle[Any]:
        """The handle of a job by its id; the server is not asked.

        A message of a batch has the id ``<batch id>#<message id>``.
        """
        return JobHandle(self.temporal, id, run_id=run_id)

    def jobs(
        self, *, state: JobState | str | None = None, type: str | None = None, limit: int | None = 100
    ) -> AsyncIterator[JobStatus]:
        """Jobs on the server, newest first, of one state or message type."""
        return list_jobs(self.temporal, state=state, type=type, limit=limit, searchable=self.searchable)

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
