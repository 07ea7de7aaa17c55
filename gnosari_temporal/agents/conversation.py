"""The conversation: turn after turn, until an agent has answered and nothing is outstanding."""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum

from temporalio import workflow
from temporalio.exceptions import ActivityError

from ..execution.limits import MAX_PAYLOAD_BYTES
from ..execution.workflows import consume
from ..messages import shorten
from .calling import Calls
from .inbox import arrivals, steering
from .messages import AgentResult, OutstandingTask
from .model_call import SCRIPTED, ModelCallMessage, ModelReply
from .prompting import AgentView, with_knowledge
from .run import BUDGET_EXCEEDED, CONVERSATION_TOO_LONG, TURN_LIMIT_REACHED, Run
from .spec import AgentSpec
from .state import Item
from .tasks import Tasks
from .toolbox import AgentTool, AgentToolsMessage


class Pause(Enum):
    """Why a conversation stopped before its end."""

    CONTINUE_AS_NEW = "continue as new"


class Conversation:
    """The turns of one run."""

    def __init__(self, run: Run, tasks: Tasks) -> None:
        self._run = run
        self._tasks = tasks
        self._calls = Calls(run, tasks)
        self._views: dict[str, AgentView] = {}
        self._turns_here = 0

    async def go_on(self) -> AgentResult | Pause:
        """Take turns until the end, or until the history is so long that the run has to continue as new.

        Raises:
            temporalio.exceptions.ApplicationError: the run cannot go on; its type says why.
        """
        while True:
            self._take_in()
            if self._turns_here and self._history_is_long():
                return Pause.CONTINUE_AS_NEW
            reply = await self._turn()
            if reply.calls:
                self._check_budget()
                await self._act(reply.calls)
            elif await self._is_over():
                return self._result()

    def _take_in(self) -> None:
        """Put before the agent what arrived since its last turn."""
        state = self._run.state
        came = state.undelivered()
        if came:
            state.items.append(arrivals(came))
        if state.steering:
            state.items.append(steering(state.steering))
            state.steering = []

    def _history_is_long(self) -> bool:
        info = workflow.info()
        return info.get_current_history_length() >= self._run.message.history_limit or (
            info.is_continue_as_new_suggested()
        )

    async def _turn(self) -> ModelReply:
        run, state = self._run, self._run.state
        self._check_budget()
        agent = run.agent
        if state.turns >= agent.max_turns:
            raise run.failure(TURN_LIMIT_REACHED, f"{agent.name} did not end within {agent.max_turns} turns")
        view = await self._view(agent)
        turn = state.turns_of.get(agent.name, 0) + 1
        call = ModelCallMessage(
            message_id=f"{run.message.message_id}.turn-{state.turns + 1}",
            agent=agent.name,
            turn=turn,
            model=agent.model,
            asked=run.message.message if agent.model.startswith(SCRIPTED) else "",
            instructions=view.instructions(),
            input=state.items,
            tools=view.functions(),
            temperature=agent.temperature,
            reasoning_effort=agent.reasoning_effort,
            stream=run.message.stream,
        )
        self._check_size(call)
        try:
            reply: ModelReply = await consume(call, result_type=ModelReply)
        except ActivityError as error:
            raise run.failed_by(error) from error
        self._turns_here += 1
        state.turns += 1
        state.turns_of[agent.name] = turn
        state.items += reply.items
        state.usage += reply.usage.priced(run.team.config.prices.get(agent.model))
        state.answer = reply.text or state.answer
        run.report_usage()
        return reply

    async def _view(self, agent: AgentSpec) -> AgentView:
        if agent.name in self._views:
            return self._views[agent.name]
        team = self._run.team
        tools = [with_knowledge(tool, team, agent) for tool in team.tools_of(agent) if not tool.is_delegation]
        servers = list(team.mcp_servers_of(agent))
        toolbox: list[AgentTool] = []
        if tools or servers:
            message = AgentToolsMessage(agent=agent.name, tools=tools, mcp_servers=servers)
            try:
                toolbox = await consume(message, result_type=list[AgentTool])
            except ActivityError as error:
                raise self._run.failed_by(error) from error
        deepest = team.config.max_depth or len(team.agents)
        view = AgentView(team, agent, toolbox, may_delegate=self._run.message.depth < deepest)
        self._views[agent.name] = view
        return view

    async def _act(self, calls: list[Item]) -> None:
        """Make the calls of a turn side by side; the first handoff among them counts."""
        view = self._views[self._run.state.agent]
        handoffs = [call for call in calls if call["name"] in view.handoffs]
        others = [call for call in calls if call["name"] not in view.handoffs]
        making = [asyncio.create_task(self._calls.make(call, view)) for call in others]
        try:
            outputs = await asyncio.gather(*making)
        except (Exception, asyncio.CancelledError):
            for task in making:
                task.cancel()
            await asyncio.gather(*making, return_exceptions=True)
            raise
        made = iter(outputs)
        for call in calls:
            rule = view.handoffs.get(call["name"])
            if rule is None:
                output = next(made)
            elif call is handoffs[0]:
                output = f"Transferred to {rule.agent}."
                self._run.state.agent = rule.agent
            else:
                output = "Not transferred: one at a time."
            answer = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
            self._run.state.items.append(answer)

    async def _is_over(self) -> bool:
        """Whether the agent's answer is the last one; else it gets another turn."""
        state, policy = self._run.state, self._run.team.config.on_outstanding
        if state.steering:
            return False
        if policy.action == "cancel":
            await self._tasks.cancel_all()
            return True
        if policy.action == "return":
            return True
        if state.outstanding():
            if state.last_wait is None:
                state.last_wait = workflow.now() + policy.timeout
            left = (state.last_wait - workflow.now()).total_seconds()
            if left > 0:
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(lambda: not state.outstanding() or bool(state.steering), timeout=left)
        return not state.undelivered() and not state.steering

    def _result(self) -> AgentResult:
        state = self._run.state
        return AgentResult(
            answer=state.answer,
            agent=state.agent,
            turns=state.turns,
            usage=state.usage,
            total=state.total,
            outstanding=tuple(
                OutstandingTask(ticket=task.ticket, name=task.name, job_id=task.job_id) for task in state.outstanding()
            ),
            session_id=self._run.message.session_id,
        )

    def _check_budget(self) -> None:
        exceeded = self._run.over_budget()
        if exceeded is not None:
            raise self._run.failure(BUDGET_EXCEEDED, exceeded)

    def _check_size(self, call: ModelCallMessage) -> None:
        size = len(call.model_dump_json().encode())
        if size > MAX_PAYLOAD_BYTES:
            raise self._run.failure(
                CONVERSATION_TOO_LONG,
                f"the conversation of {call.agent} is {size:,} bytes at turn {call.turn}, the limit is "
                f"{MAX_PAYLOAD_BYTES:,}; it ends with {shorten(str(call.input[-1]), 80)}",
            )
