"""The workflow of tool messages: one that names the delegation tool becomes a run of the agent that it asks for."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field
from temporalio import workflow

from ..consumers import BaseConsumer
from ..errors import TeamError
from ..execution.workflows import consume, run_child
from ..messages import BaseMessage
from ..retry import RetrySpec
from ..settings import Settings
from ..tools.arguments import check_model, read_arguments
from ..tools.context import ToolContext
from ..tools.messages import ToolExecutionMessage
from ..tools.results import COMPLETED, ToolResult
from ..tools.spec import ToolSpec
from .loading import parse_team
from .messages import AgentMessage
from .team import TeamSpec


class DelegationArguments(BaseModel):
    """What the delegation tool is asked."""

    model_config = ConfigDict(extra="ignore")

    target_agent: str = Field(min_length=1)
    message: str = Field(min_length=1)


class TeamOfToolMessage(BaseMessage):
    """A tool message whose team is looked for."""

    call: ToolExecutionMessage

    def job_summary(self) -> str:
        """Whose team."""
        return f"team of {self.call.task_id}"


class TeamOfToolConsumer(BaseConsumer[TeamOfToolMessage, TeamSpec]):
    """Finds the team of a tool message: the team file in its context, else the worker's team of that name."""

    retry = RetrySpec(maximum_attempts=1)

    def __init__(self, settings: Settings, teams: tuple[TeamSpec, ...]) -> None:
        self._settings = settings
        self._teams = teams

    async def process(self, message: TeamOfToolMessage) -> TeamSpec:
        """The team.

        Raises:
            TeamError: the context has none that can be read, and names none of the worker's.
        """
        context = ToolContext.from_data(message.call.context_data).context
        if context.original_config:
            text = yaml.safe_dump(context.original_config, allow_unicode=True)
            return parse_team(text, "original_config", self._settings.environ or None, need_start=False).team
        named = context.session_context.get("team")
        for team in self._teams:
            if named in (team.name, team.id) or (named is None and len(self._teams) == 1):
                return team
        known = ", ".join(repr(team.name) for team in self._teams) or "none"
        raise TeamError(
            f"the delegation {message.call.task_id} names no team: put the team file into context_data as "
            f"original_config, or its name as session_context.team (this worker has {known})"
        )


@workflow.defn(name="ToolExecutionMessage", sandboxed=False)
class ToolExecutionWorkflow:
    """Runs a tool, or the agent to which a call of the delegation tool delegates."""

    message_type = ToolExecutionMessage

    @workflow.run
    async def run(self, message: ToolExecutionMessage) -> Any:
        """The result of the call."""
        if not names_delegation(message):
            return await consume(message)
        return await delegate(message)


def names_delegation(message: ToolExecutionMessage) -> bool:
    """Whether a call of this tool is a run of another agent."""
    spec = ToolSpec(name=message.tool_name, module=message.tool_module, class_name=message.tool_class)
    return spec.is_delegation


async def delegate(message: ToolExecutionMessage) -> ToolResult:
    """Run the agent that the call asks for as a child, and give its answer as the tool's result.

    Raises:
        ToolInputError: the arguments name no agent or no message.
        temporalio.exceptions.ChildWorkflowError: the run failed.
    """
    given = read_arguments(message.tool_args, tool=message.tool_name)
    arguments = check_model(DelegationArguments, given, tool=message.tool_name)
    team: TeamSpec = await consume(TeamOfToolMessage(call=message), result_type=TeamSpec)
    asked = AgentMessage(
        team=team,
        agent=team.agent(arguments.target_agent).name,
        message=arguments.message,
        session_id=message.session_id,
        priority=message.priority,
        depth=1,
    )
    result = await run_child(asked)
    return {
        "task_id": message.task_id,
        "tool_name": message.tool_name,
        "status": COMPLETED,
        "result": result["answer"],
        "agent_id": message.agent_id,
        "session_id": message.session_id,
        "context_data": message.context_data,
        "processed_at": workflow.now().isoformat(),
    }
