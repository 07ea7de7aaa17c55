"""What a model is told: instructions and functions of an agent, from the team and the toolbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tools.allowlist import BUILTIN_PACKAGE
from ..tools.modes import with_choice
from ..tools.spec import ToolSpec
from .inbox import inbox_tools
from .model_call import ModelTool
from .spec import AgentSpec, DelegationRule
from .team import TeamSpec
from .toolbox import AgentTool

HANDOFF = "transfer_to_"
TEAM_KNOWLEDGE = (f"{BUILTIN_PACKAGE}.team_knowledge", "TeamKnowledgeTool")
"""Module and class of the tool that searches a team's knowledge."""


class AgentView:
    """One agent as its model sees it."""

    def __init__(self, team: TeamSpec, agent: AgentSpec, toolbox: list[AgentTool], *, may_delegate: bool) -> None:
        self.team, self.agent = team, agent
        self.toolbox = {tool.name: tool for tool in toolbox}
        self.delegation_tools = {tool.function_name: tool for tool in team.tools_of(agent) if tool.is_delegation}
        if not may_delegate:
            self.delegation_tools = {}
        self.handoffs = {HANDOFF + team.agent(rule.agent).key: rule for rule in agent.can_transfer_to}

    @property
    def has_inbox(self) -> bool:
        """Whether the agent can send anything off."""
        if any(rule.mode != "sync" for tool in self.delegation_tools.values() for rule in self.rules(tool)):
            return True
        return any(self._may_be_async(tool) for tool in self.toolbox.values())

    def rules(self, tool: ToolSpec) -> tuple[DelegationRule, ...]:
        """To whom the agent may delegate with this tool."""
        return self.team.delegations(self.agent, tool)

    def instructions(self) -> str:
        """The agent's instructions, with what it must know of the others and of its inbox."""
        parts = [self.agent.instructions.strip()]
        if self.delegation_tools:
            seen: dict[str, DelegationRule] = {}
            for tool in self.delegation_tools.values():
                for rule in self.rules(tool):
                    seen.setdefault(rule.agent, rule)
            parts.append("You can delegate to these agents:\n" + "\n".join(map(self._about, seen.values())))
        if self.handoffs:
            lines = [f"- {rule.agent}{_colon(rule.instructions)}" for rule in self.handoffs.values()]
            parts.append("You can transfer the conversation to these agents:\n" + "\n".join(lines))
        if self.has_inbox:
            parts.append(
                "What you send off in async mode gives you a ticket. Results are put before you when they arrive; "
                "collect_tasks waits for them."
            )
        knowledge = self.team.knowledge_of(self.agent)
        if knowledge and any(tool.is_knowledge for tool in self.team.tools_of(self.agent)):
            lines = [f"- {item.id}{_colon(item.description or item.name)}" for item in knowledge]
            parts.append("Your knowledge tool searches:\n" + "\n".join(lines))
        return "\n\n".join(part for part in parts if part)

    def functions(self) -> list[ModelTool]:
        """Everything that the model may call."""
        found = [
            ModelTool(name=tool.name, description=tool.description, parameters=self._parameters(tool))
            for tool in self.toolbox.values()
        ]
        found += [delegation_function(tool, self.rules(tool)) for tool in self.delegation_tools.values()]
        found += [self._handoff(name) for name in self.handoffs]
        return found + (inbox_tools() if self.has_inbox else [])

    def _about(self, rule: DelegationRule) -> str:
        return f"- {rule.agent}{_colon(rule.instructions or self.team.agent(rule.agent).description)}"

    def _may_be_async(self, tool: AgentTool) -> bool:
        if tool.kind != "tool" or tool.async_refusal is not None:
            return False
        return self.team.tool(tool.source).mode != "sync"

    def _parameters(self, tool: AgentTool) -> dict[str, Any]:
        """The tool's schema; with the choice of the mode where the team file leaves it open."""
        if not self._may_be_async(tool) or self.team.tool(tool.source).mode == "async":
            return tool.parameters
        return with_choice(tool.parameters)

    def _handoff(self, name: str) -> ModelTool:
        rule = self.handoffs[name]
        about = rule.instructions or self.team.agent(rule.agent).description or ""
        return ModelTool(
            name=name,
            description=f"Transfer the conversation to {rule.agent}, who answers from then on. {about}".strip(),
            parameters={"type": "object", "properties": {}, "additionalProperties": False},
        )


def delegation_function(tool: ToolSpec, rules: Sequence[DelegationRule]) -> ModelTool:
    """The function by which somebody delegates to the agents of these rules."""
    properties: dict[str, Any] = {
        "target_agent": {
            "type": "string",
            "enum": [rule.agent for rule in rules],
            "description": "The agent who gets the task.",
        },
        "message": {"type": "string", "description": "The task, with everything that the agent must know."},
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["target_agent", "message"],
        "additionalProperties": False,
    }
    return ModelTool(
        name=tool.function_name,
        description=tool.description or "Give a task to another agent and get its answer.",
        parameters=with_choice(schema) if any(rule.mode is None for rule in rules) else schema,
    )


def with_knowledge(tool: ToolSpec, team: TeamSpec, agent: AgentSpec | None) -> ToolSpec:
    """The tool; a builtin knowledge tool without a directory of its own searches what the team file describes."""
    knowledge = [item.model_dump(mode="json") for item in team.knowledge_of(agent)]
    if not tool.is_knowledge or not knowledge or "directory" in tool.args:
        return tool
    module, class_name = TEAM_KNOWLEDGE
    args = {**tool.args, "knowledge": knowledge}
    return tool.model_copy(update={"module": module, "class_name": class_name, "args": args})


def _colon(text: str | None) -> str:
    return f": {' '.join(text.split())}" if text else ""
