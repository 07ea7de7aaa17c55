"""The tools of a team, called from a program: each call where the tool's mode says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from ..errors import TeamError, ToolError, ToolInputError
from ..execution.options import SendOptions
from ..messages import BaseMessage
from ..routing import workflow_page
from ..settings import Settings
from ..tools.allowlist import AllowedTools
from ..tools.arguments import check_model, read_arguments
from ..tools.local import call_here
from ..tools.messages import ToolExecutionMessage
from ..tools.modes import ASYNC, ASYNC_PRIORITY, EXECUTION_MODE, SYNC, Choice, take_choice, with_choice
from ..tools.results import ToolResult
from ..tools.spec import Mode, ToolSpec
from .tool_looks import ToolLook
from .tool_results import ToolTicket, tool_result

if TYPE_CHECKING:
    from ..agents.team import TeamSpec
    from .client import GnosariClient

    Connect = Callable[[], Awaitable[GnosariClient]]


class ToolDescription(BaseModel):
    """A tool as whoever calls it sees it; what a model needs to know of a function."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of the arguments; with ``execution_mode`` and ``async_priority`` where the caller chooses."""
    mode: Mode | None
    """The mode that the team file fixes; None: the caller chooses."""
    async_refusal: str | None = None
    """Why the tool cannot run in async mode."""


class _Delegation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    target_agent: str = Field(min_length=1)
    message: str = Field(min_length=1)


class TeamTools:
    """Calls the tools of a team.

    A sync call runs in this process. An async call is sent as a job with the tool's priority, queue, retries and
    timeout. A tool with a rate limit runs as a job in either mode, because only the server can count everybody's
    calls; a delegation does too. ``${VAR}`` in a tool's ``args`` is resolved where the tool runs: nothing that is
    sent holds a value.
    """

    def __init__(
        self,
        team: TeamSpec,
        client: GnosariClient | Connect | None = None,
        *,
        settings: Settings | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        """``client`` is needed for calls that become jobs: one, or a function that connects one when it is needed.

        ``agent_id`` and ``session_id`` say who calls.
        """
        self.team = team
        self.settings = settings or _settings_of(client)
        self._client = client
        self.agent_id = agent_id
        self.session_id = session_id
        self._directory: Path | None = None
        self._looks: dict[str, ToolLook] = {}

    @classmethod
    def load(
        cls,
        path: Path | str,
        client: GnosariClient | Connect | None = None,
        *,
        settings: Settings | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
    ) -> Self:
        """The tools of a team file; the rest is as for the constructor.

        Raises:
            TeamError: the file cannot be read or is wrong.
        """
        from ..agents.loading import load_team

        given = settings or _settings_of(client)
        team = load_team(path, given.environ or None, need_start=False).team
        tools = cls(team, client, settings=given, agent_id=agent_id, session_id=session_id)
        tools._directory = Path(path).resolve().parent
        return tools

    def describe(self, tool: str) -> ToolDescription:
        """A tool of the team by function name, id or name, as a caller sees it.

        Raises:
            TeamError: the team has no such tool.
            ToolNotAllowed, ToolDefinitionError, SettingsError: it cannot be made in this process.
        """
        spec = self.team.tool(tool)
        if spec.is_delegation:
            function = self._delegation(spec)
            return ToolDescription(
                name=function.name, description=function.description, parameters=function.parameters, mode=spec.mode
            )
        look = self._made(spec)
        free = spec.mode is None and look.refusal is None
        return ToolDescription(
            name=spec.function_name,
            description=spec.description or look.description,
            parameters=with_choice(look.schema) if free else look.schema,
            mode=spec.mode,
            async_refusal=look.refusal,
        )

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | str | None = None,
        *,
        mode: Mode | None = None,
        priority: int | None = None,
        queue: str | None = None,
        task_id: str | None = None,
        context_data: Mapping[str, Any] | None = None,
    ) -> ToolTicket | ToolResult:
        """Call a tool: its result if it runs in sync mode, else a ticket at once.

        A tool that fails for good gives a result with status ``error``.

        Args:
            tool: Its function name, id or name.
            arguments: A mapping or its JSON text; ``execution_mode`` and ``async_priority`` among them count as
                ``mode`` and ``priority``, unless the tool has arguments of these names itself.
            mode: ``sync`` or ``async``, for a tool whose mode the team file leaves open.
            priority: Of an async call, 1 to 10, lower first; in place of the tool's.
            queue: Of an async call, in place of the tool's; not for one with a rate limit.
            task_id: Identity of the call: an async call with the same id and arguments is the same call.
            context_data: What tools of the function kind read as their context; by default session and team.

        Raises:
            TeamError: the team has no such tool.
            ToolInputError: the arguments are refused; nothing was sent or run.
            ToolError: the call cannot be made in this mode or on this queue, or without a client.
            ToolNotAllowed, ToolDefinitionError, SettingsError: a sync call's tool cannot be made.
            MessageConflict: the task id was used for another call.
            ServerUnreachable: nobody answers.
        """
        spec = self.team.tool(tool)
        values = read_arguments(arguments if arguments is not None else {}, tool=spec.function_name)
        look = ToolLook() if spec.is_delegation else self._look(spec)
        choice = _choice(spec, values, look, mode=mode, priority=priority)
        if choice.mode == SYNC and not (priority is None and queue is None):
            raise ToolError(f"{spec.function_name} is called in sync mode: priority and queue are those of async calls")
        if spec.is_delegation:
            ticket = await self._delegate(spec, values, choice, queue, task_id)
            return ticket if choice.mode == ASYNC else await self._awaited(spec, ticket)
        if choice.mode == SYNC:
            look = self._made(spec)
        elif look.refusal is not None:
            raise ToolError(f"{spec.function_name} cannot run in async mode: {look.refusal}")
        look.check(values, strictly=choice.mode == SYNC)
        message = ToolExecutionMessage.of_call(
            self._with_knowledge(spec),
            values,
            task_id=task_id,
            priority=choice.priority,
            agent_id=self.agent_id,
            session_id=self.session_id,
            team=self.team.name,
            context_data=context_data,
        )
        if choice.mode == SYNC and spec.rate_limit is None:
            return await call_here(
                message, settings=self.settings, allowed=self._allowed, retry=spec.retry, timeout=spec.timeout
            )
        ticket = await self._send(message, look.job_options(spec, choice.priority), spec, queue)
        return ticket if choice.mode == ASYNC else await self._awaited(spec, ticket)

    async def run(
        self,
        tool: str,
        arguments: Mapping[str, Any] | str | None = None,
        *,
        timeout: timedelta | float | None = None,
        **options: Any,
    ) -> ToolResult:
        """Call a tool and wait for the result whatever its mode is, of an async call at most ``timeout``.

        ``options`` are those of ``call``. Raises what ``call`` raises, and ResultTimeout.
        """
        answer = await self.call(tool, arguments, **options)
        if isinstance(answer, ToolTicket):
            return await self._awaited(self.team.tool(tool), answer, timeout)
        return answer

    @cached_property
    def _allowed(self) -> AllowedTools:
        return AllowedTools(self.settings.tools.allow).plus(self.team.allowed_tools)

    def _look(self, spec: ToolSpec) -> ToolLook:
        if spec.function_name not in self._looks:
            self._looks[spec.function_name] = ToolLook.at(spec, self._allowed, self.settings)
        return self._looks[spec.function_name]

    def _made(self, spec: ToolSpec) -> ToolLook:
        look = self._look(spec)
        if look.problem is not None:
            raise look.problem
        return look

    def _with_knowledge(self, spec: ToolSpec) -> ToolSpec:
        if not spec.is_knowledge:
            return spec
        from ..agents.prompting import with_knowledge

        return with_knowledge(spec, self.team, None)

    def _delegation(self, spec: ToolSpec) -> Any:
        from ..agents.prompting import delegation_function
        from ..agents.spec import DelegationRule

        return delegation_function(
            spec, [DelegationRule(agent=agent.name).filled_from(spec) for agent in self.team.agents]
        )

    async def _connected(self, spec: ToolSpec) -> GnosariClient:
        if self._client is None:
            raise ToolError(f"{spec.function_name} runs on a worker here: give TeamTools a client")
        if callable(self._client):
            self._client = await self._client()
        return self._client

    async def _awaited(
        self, spec: ToolSpec, ticket: ToolTicket, timeout: timedelta | float | None = None
    ) -> ToolResult:
        return await tool_result(await self._connected(spec), ticket.task_id, timeout)

    async def _send(self, message: BaseMessage, options: SendOptions, spec: ToolSpec, queue: str | None) -> ToolTicket:
        if queue is not None and spec.rate_limit is not None:
            raise ToolError(f"{spec.function_name} has a rate limit, and so a queue of its own: leave the queue out")
        client = await self._connected(spec)
        chosen = spec.queue_on(client.routing.queue(type(message), queue, spec.queue_name))
        job = await client.send(message, options.model_copy(update={"queue": chosen}))
        ui = self.settings.ui_address
        return ToolTicket(
            task_id=message.task_id if isinstance(message, ToolExecutionMessage) else job.id,
            message_id=message.message_id,
            job_id=job.id,
            tool_name=spec.function_name,
            queue=chosen,
            priority=options.priority or message.priority,
            web_ui=workflow_page(ui, client.temporal.namespace, job.id, job.run_id or "") if ui else None,
        )

    async def _delegate(
        self, spec: ToolSpec, values: Mapping[str, Any], choice: Choice, queue: str | None, task_id: str | None
    ) -> ToolTicket:
        from ..agents.messages import AgentMessage
        from ..agents.models.scripted import with_scripts_of

        asked = check_model(_Delegation, values, tool=spec.function_name)
        try:
            agent = self.team.agent(asked.target_agent)
        except TeamError as error:
            raise ToolInputError(f"{spec.function_name}: target_agent: {error}", fields=("target_agent",)) from None
        message = AgentMessage(
            team=with_scripts_of(self.team, self._directory) if self._directory else self.team,
            agent=agent.name,
            message=asked.message,
            session_id=self.session_id,
            priority=choice.priority or spec.priority,
            deadline=datetime.now(UTC) + spec.timeout if spec.timeout else None,
            retry=spec.retry,
            **({"message_id": task_id} if task_id else {}),
        )
        return await self._send(message, SendOptions(priority=message.priority), spec, queue)


def _settings_of(client: GnosariClient | Connect | None) -> Settings:
    return Settings.load() if client is None or callable(client) else client.settings


def _choice(
    spec: ToolSpec, values: dict[str, Any], look: ToolLook, *, mode: Mode | None, priority: int | None
) -> Choice:
    """Mode and priority of a call, from its arguments, from what the caller says beside them, and the team file."""
    if mode is not None:
        mode = take_choice({EXECUTION_MODE: mode}, written=None).mode
    if mode is not None and spec.mode is not None and mode != spec.mode:
        raise ToolError(f"{spec.function_name} is always {spec.mode}: the team file says so")
    chosen = take_choice(values, look.schema, written=spec.mode or mode)
    if priority is not None and chosen.mode == ASYNC:
        return take_choice({ASYNC_PRIORITY: priority}, written=ASYNC)
    return chosen
