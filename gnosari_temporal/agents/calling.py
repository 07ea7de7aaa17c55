"""The call: what becomes of one function call of a model, and what it is told in return.

A call never fails the run: what goes wrong is its output, so that the agent can act on it. Only an approval that
nobody answered, where the team file says ``on_timeout: fail``, ends the run.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, FailureError

from ..errors import GnosariError, ToolInputError
from ..execution.approvals import wait_for_approval
from ..execution.engine import engine
from ..execution.options import SendOptions
from ..execution.workflows import consume, start_child
from ..messages import shorten
from ..tools.arguments import check_model, read_arguments
from ..tools.job_options import job_options
from ..tools.messages import ToolExecutionMessage
from ..tools.modes import take_choice
from ..tools.spec import ApprovalSpec, ToolSpec
from ..yamldoc import did_you_mean
from .inbox import (
    CANCEL_TASK,
    CHECK_TASKS,
    COLLECT_TASKS,
    CancelTask,
    CollectTasks,
    as_text,
    overview,
    sent_off,
)
from .mcp import McpCallMessage
from .messages import AgentMessage, Delegator
from .prompting import AgentView, with_knowledge
from .run import APPROVAL_TIMED_OUT, Run, failed_end
from .spec import DelegationRule
from .state import Item, TaskState
from .task_check import ended_well
from .tasks import Tasks
from .toolbox import AgentTool

_SHOWN = 160


class Calls:
    """Makes the calls of a run."""

    def __init__(self, run: Run, tasks: Tasks) -> None:
        self._run = run
        self._tasks = tasks

    async def make(self, call: Item, view: AgentView) -> str:
        """Make one call that is no handoff; its output for the model.

        Raises:
            ApplicationError: an approval that nobody answered fails the run.
        """
        name = str(call.get("name"))
        try:
            arguments = read_arguments(str(call.get("arguments") or ""), tool=name)
            if view.has_inbox and name in (CHECK_TASKS, COLLECT_TASKS, CANCEL_TASK):
                return await self._inbox(name, arguments)
            if name in view.delegation_tools:
                return await self._delegate(view.delegation_tools[name], view, arguments)
            if name in view.toolbox:
                tool = view.toolbox[name]
                if tool.kind == "mcp":
                    return await self._mcp(tool, arguments)
                return await self._tool(tool, self._run.team.tool(tool.source), arguments)
        except (ToolInputError, ValidationError) as error:
            return f"Error: {error}"
        except GnosariError as error:
            return f"Error: {type(error).__name__}: {error}"
        known = [function.name for function in view.functions()]
        return f"Error: there is no tool {name!r}{did_you_mean(name, known)} (you have {', '.join(known) or 'none'})"

    async def _inbox(self, name: str, arguments: dict[str, Any]) -> str:
        if name == CHECK_TASKS:
            return overview(self._run.state, workflow.now())
        if name == COLLECT_TASKS:
            return await self._tasks.collect(check_model(CollectTasks, arguments, tool=name))
        return await self._tasks.cancel(check_model(CancelTask, arguments, tool=name).ticket)

    async def _tool(self, tool: AgentTool, spec: ToolSpec, arguments: dict[str, Any]) -> str:
        mode, priority = take_choice(arguments, tool.parameters, written=spec.mode)
        if mode == "async" and tool.async_refusal is not None:
            return f"Error: {tool.name} cannot run in async mode: {tool.async_refusal}"
        number = self._run.next_number()
        text = json.dumps(arguments, ensure_ascii=False)
        refused = await self._refused(f"call {tool.name} with {text}", f"{tool.name}-{number}", spec.approval)
        if refused is not None:
            return refused
        message = self._tool_message(spec, text, number)
        options = job_options(spec, priority, tool.async_defaults if mode == "async" else None)
        options = options.model_copy(update={"queue": self._queue_of(spec, mode)})
        if mode == "async":
            try:
                return sent_off(await self._tasks.send_off(message, "tool", tool.name, options))
            except FailureError as error:
                return _failed(tool.name, error)
        try:
            result = await consume(message, options=options)
        except ActivityError as error:
            return _failed(tool.name, error)
        end = ended_well(message.task_id, result)
        return as_text(end.result) if end.state is TaskState.SUCCEEDED else f"{tool.name} failed: {as_text(end.error)}"

    def _queue_of(self, spec: ToolSpec, mode: str) -> str:
        """The queue of a tool's calls; those of one with a rate limit are on one queue in either mode."""
        if mode == "sync" and spec.rate_limit is None:
            return self._run.options.queue
        return spec.queue_on(engine().routing.queue(ToolExecutionMessage, spec.queue_name))

    def _tool_message(self, spec: ToolSpec, arguments: str, number: int) -> ToolExecutionMessage:
        run = self._run
        spec = with_knowledge(spec, run.team, run.agent)
        task_id = f"{run.message.message_id}.{spec.function_name}-{number}"
        return ToolExecutionMessage.of_call(
            spec,
            arguments,
            task_id=task_id,
            agent_id=run.agent.name,
            session_id=run.message.session_id,
            team=run.team.name,
        )

    async def _mcp(self, tool: AgentTool, arguments: dict[str, Any]) -> str:
        number = self._run.next_number()
        message = McpCallMessage(
            message_id=f"{self._run.message.message_id}.{tool.name}-{number}",
            server=self._run.team.mcp_server(tool.source),
            tool=tool.remote_name,
            arguments=arguments,
            agent=self._run.state.agent,
        )
        try:
            answer = await consume(message)
        except ActivityError as error:
            return _failed(tool.name, error)
        text = as_text(answer["result"])
        return f"Error: {text}" if answer["error"] else text

    async def _delegate(self, tool: ToolSpec, view: AgentView, arguments: dict[str, Any]) -> str:
        target, task = str(arguments.get("target_agent") or ""), str(arguments.get("message") or "")
        reachable = [rule.agent for rule in view.rules(tool)]
        if not target or not task:
            return f"Error: {tool.function_name} needs target_agent (one of {', '.join(reachable)}) and message"
        rule = self._run.team.delegation(self._run.agent, target, tool)
        if rule is None:
            return f"Error: you cannot delegate to {target!r}{did_you_mean(target, reachable)} ({', '.join(reachable)})"
        mode, priority = take_choice(arguments, written=rule.mode)
        number = self._run.next_number()
        question = f"delegate to {rule.agent}: {shorten(task, _SHOWN)}"
        refused = await self._refused(question, f"{tool.function_name}-{number}", rule.approval)
        if refused is not None:
            return refused
        message = self._agent_message(rule, task, number)
        options = SendOptions(priority=priority or rule.priority, queue=rule.queue_name)
        try:
            if mode == "async":
                return sent_off(await self._tasks.send_off(message, "agent", rule.agent, options))
            handle = await start_child(message, options=options, derive_id=False)
        except FailureError as error:
            return _failed(f"delegation to {rule.agent}", error)
        try:
            end = ended_well(handle.id, await handle)
        except ChildWorkflowError as error:
            end = failed_end(handle.id, error)
        self._run.used(handle.id, end.usage)
        return as_text(end.result) if end.state is TaskState.SUCCEEDED else f"{rule.agent} failed: {end.error}"

    def _agent_message(self, rule: DelegationRule, task: str, number: int) -> AgentMessage:
        run = self._run
        target = run.team.agent(rule.agent)
        return AgentMessage(
            message_id=f"{run.message.message_id}.{target.key}-{number}",
            priority=rule.priority or run.options.priority,
            team=run.team,
            agent=rule.agent,
            message=task,
            session_id=run.message.session_id,
            stream=run.message.stream,
            delegator=Delegator(job_id=workflow.info().workflow_id, agent=run.state.agent),
            depth=run.message.depth + 1,
            budget=run.budget.left_after(run.state.total) if run.budget.limited else None,
            deadline=_earlier(run.deadline, rule.timeout),
            retry=rule.retry,
            history_limit=run.message.history_limit,
        )

    async def _refused(self, what: str, key: str, approval: ApprovalSpec | None) -> str | None:
        """What the model is told if a person does not agree; None if the call may be made."""
        if approval is None:
            return None
        question = f"{self._run.state.agent} wants to {shorten(what, 500)}"
        answer = await wait_for_approval(question, key=key, timeout=approval.timeout)
        if answer is None:
            if approval.on_timeout == "approve":
                return None
            if approval.on_timeout == "fail":
                raise self._run.failure(APPROVAL_TIMED_OUT, f"nobody answered in time: {question}")
            return "Rejected: nobody answered in time. The call was not made."
        if answer.approved:
            return None
        by = f" by {answer.by}" if answer.by else ""
        return f"Rejected{by}: {answer.reason or 'no reason given'}. The call was not made."


def _failed(what: str, error: BaseException) -> str:
    return f"{what} failed: {failed_end('', error).error}"


def _earlier(deadline: datetime | None, limit: timedelta | None) -> datetime | None:
    own = workflow.now() + limit if limit is not None else None
    given = [moment for moment in (deadline, own) if moment is not None]
    return min(given, default=None)
