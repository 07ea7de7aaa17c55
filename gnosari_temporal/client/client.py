"""The client: sends messages to a Temporal server."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from temporalio.client import Client
from temporalio.runtime import Runtime

from ..consumers import BaseConsumer, result_type_of
from ..errors import MessageConflict
from ..execution.converter import data_converter
from ..execution.limits import check_message
from ..execution.options import JobOptions, SendOptions, options_from, resolve_options
from ..execution.signatures import Part, Signature, chain, chord, group
from ..messages import BaseMessage
from ..registry import Registry
from ..routing import Routing, job_id
from ..settings import Settings
from .batch import BatchHandle
from .canvas import send_canvas
from .connection import connect, has_search_attributes
from .ending import wait_at_exit
from .handle import JobHandle
from .listing import list_jobs
from .member import job_handle
from .preparing import snapshot
from .schedules import Schedules
from .sending import send_batch
from .starting import Start, start
from .status import JobState, JobStatus
from .team_tools import TeamTools
from .tool_results import tool_result

if TYPE_CHECKING:
    from ..agents.team import TeamSpec
    from ..tools.results import ToolResult

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
        wait_at_exit()
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

    async def send_canvas(
        self,
        tree: Part,
        options: SendOptions | None = None,
        *,
        id: str | None = None,
        as_workflows: bool = False,
        **overrides: Any,
    ) -> JobHandle[Any]:
        """Send a tree of messages, made with ``group``, ``chain`` and ``chord``: one job, whose result is the root's.

        It is a workflow and goes on over restarts of workers and server. Its messages are addressed
        ``<job id>#<message id>``; those of a type with a workflow of its own become jobs of their own.

        Args:
            tree: What to run.
            options: For all messages; or give the fields as keywords, as in ``send``.
            id: Its identity, as a message's id is: the same id with the same messages is the same job.
            as_workflows: Make a job of its own of every message.

        Raises:
            InvalidMessage, MessageTooLarge: refused before anything was sent.
            MessageConflict: the id was used for other messages.
            ServerUnreachable: nobody answers.
        """
        return await send_canvas(self, tree, options_from(options, overrides), id=id, as_workflows=as_workflows)

    async def group(
        self, messages: Iterable[BaseMessage | Part], *, keep_failures: bool = False, **options: Any
    ) -> JobHandle[list[Any]]:
        """Run messages side by side: one job, whose result is the list of theirs, in order.

        ``options`` are those of ``send_canvas``. A message that fails fails the group once all are over; with
        ``keep_failures`` it leaves ``{"error": {"type": …, "message": …}}`` in the list instead.
        """
        return await self.send_canvas(group(messages, keep_failures=keep_failures), **options)

    async def chain(self, messages: Iterable[BaseMessage | Part], **options: Any) -> JobHandle[Any]:
        """Run messages one after another: one job, whose result is that of the last.

        ``signature(message, into="field")`` puts the result of the one before into that field. ``options`` are
        those of ``send_canvas``.
        """
        return await self.send_canvas(chain(messages), **options)

    async def chord(
        self,
        messages: Iterable[BaseMessage | Part],
        callback: BaseMessage | Part,
        *,
        into: str | None = None,
        **options: Any,
    ) -> JobHandle[Any]:
        """Run messages side by side, and the callback once all succeeded; its result is that of the job.

        ``into`` names the field of the callback that gets the list of results. ``options`` are those of
        ``send_canvas``.
        """
        return await self.send_canvas(chord(messages, callback, into=into), **options)

    def tools(
        self, team: TeamSpec | Path | str, *, agent_id: str | None = None, session_id: str | None = None
    ) -> TeamTools:
        """The tools of a team or of a team file, to be called; ``agent_id`` and ``session_id`` say who calls.

        Raises:
            TeamError: the file cannot be read or is wrong.
        """
        if isinstance(team, Path | str):
            return TeamTools.load(team, self, agent_id=agent_id, session_id=session_id)
        return TeamTools(team, self, agent_id=agent_id, session_id=session_id)

    async def tool_result(self, task_id: str, timeout: timedelta | float | None = None) -> ToolResult:
        """Wait for the result of a tool call that was sent off; ``timeout`` in seconds as a number.

        One that failed for good, expired or was cancelled has status ``error``.

        Raises:
            ResultTimeout: it is not finished yet, and goes on.
            JobNotFound: the server has no such call.
        """
        return await tool_result(self, task_id, timeout)

    @property
    def schedules(self) -> Schedules:
        """Messages that the server sends again and again, by cron or interval."""
        return Schedules(self)

    def batch(self, id: str) -> BatchHandle:
        """The handle of a batch by its id; the server is not asked."""
        return BatchHandle(self.temporal, id)

    def job(self, id: str, *, run_id: str | None = None) -> JobHandle[Any]:
        """The handle of a job by its id; the server is not asked.

        One message of a batch has the id ``<batch id>#<message id>``.
        """
        return job_handle(self.temporal, id, run_id=run_id)

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
        id = job_id(message.job_prefix or name, message.message_id)
        started = await start(
            self,
            Start(
                type=name,
                id=id,
                input=message,
                options=options,
                summary=message.job_summary(),
                delay=delay,
                attributes=message.job_attributes(),
            ),
            compare=not existing_wins,
        )
        if started.earlier is not None and started.differs(options):
            raise MessageConflict(
                f"message id {message.message_id!r} was used for other content: job {id} (run {started.run_id}) was "
                f"sent with digest {started.earlier.digest[:8]}, this message has {options.digest[:8]}. Give the new "
                "message an id of its own",
                job_id=id,
            )
        return JobHandle(self.temporal, id, run_id=started.run_id, result_type=result_type)
