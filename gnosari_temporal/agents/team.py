"""The team: agents, tools, MCP servers and knowledge, as one value that travels as a workflow's input."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import TeamError
from ..tools.spec import McpServerSpec, ToolSpec
from ..yamldoc import did_you_mean
from .config import Spec, TeamConfig
from .spec import AgentSpec, DelegationRule, KnowledgeSpec


class TeamSpec(Spec):
    """A team whose references are checked and resolved.

    ``${VAR}`` in structural keys is resolved; in tools' ``args``, in MCP servers' addresses, commands, headers
    and environments and in knowledge ``data`` it is as written, for the worker to resolve at use.
    """

    name: str
    id: str | None = None
    description: str | None = None
    config: TeamConfig = TeamConfig()
    agents: tuple[AgentSpec, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    """Defined tools, and builtin ones that agents name."""
    mcp_servers: tuple[McpServerSpec, ...] = ()
    knowledge: tuple[KnowledgeSpec, ...] = ()
    start: str | None = None
    """Name of the agent with whom a run starts; None if the team has no agents or the choice is open."""

    @property
    def start_agent(self) -> AgentSpec:
        """The agent with whom a run starts.

        Raises:
            TeamError: the team has no agents, or two orchestrators and no choice.
        """
        if self.start is not None:
            return self.agent(self.start)
        if not self.agents:
            raise TeamError(f"team {self.name!r} has no agents to run")
        names = ", ".join(repr(agent.name) for agent in self.agents if agent.orchestrator)
        raise TeamError(f"team {self.name!r} has several orchestrators ({names}): choose with --agent")

    def agent(self, reference: str) -> AgentSpec:
        """The agent of this name, id or key.

        Raises:
            TeamError: there is none; the error lists those that there are.
        """
        for attribute in ("name", "id", "key"):
            for agent in self.agents:
                if getattr(agent, attribute) == reference:
                    return agent
        raise self._unknown("agent", reference, (agent.name for agent in self.agents))

    def tool(self, reference: str) -> ToolSpec:
        """The tool of this function name, id or name.

        Raises:
            TeamError: there is none; the error lists those that there are.
        """
        for attribute in ("function_name", "id", "name"):
            for tool in self.tools:
                if getattr(tool, attribute) == reference:
                    return tool
        raise self._unknown("tool", reference, (tool.function_name for tool in self.tools))

    def mcp_server(self, reference: str) -> McpServerSpec:
        """The MCP server of this key, id or name.

        Raises:
            TeamError: there is none; the error lists those that there are.
        """
        for attribute in ("key", "id", "name"):
            for server in self.mcp_servers:
                if getattr(server, attribute) == reference:
                    return server
        raise self._unknown("MCP server", reference, (server.key for server in self.mcp_servers))

    def tools_of(self, agent: AgentSpec) -> tuple[ToolSpec, ...]:
        """The tools of an agent, the delegation tool included."""
        return tuple(self.tool(name) for name in agent.tools)

    def mcp_servers_of(self, agent: AgentSpec) -> tuple[McpServerSpec, ...]:
        """The MCP servers of an agent."""
        return tuple(self.mcp_server(key) for key in agent.mcp_servers)

    def knowledge_of(self, agent: AgentSpec | None) -> tuple[KnowledgeSpec, ...]:
        """What an agent's knowledge tool searches: its own list, else all of the team's; never ``other`` sources."""
        listed = agent.knowledge if agent is not None else ()
        return tuple(item for item in self.knowledge if item.source != "other" and (not listed or item.id in listed))

    def delegations(self, agent: AgentSpec, tool: ToolSpec | None = None) -> tuple[DelegationRule, ...]:
        """To whom an agent may delegate with a delegation tool (by default its first), and how.

        Those of its list; without a list, everyone else in the team. What a rule leaves open is the tool's.
        """
        tool = tool or next((own for own in self.tools_of(agent) if own.is_delegation), None)
        if tool is None:
            return ()
        rules = agent.delegation or (
            DelegationRule(agent=other.name, instructions=other.description)
            for other in self.agents
            if other.name != agent.name
        )
        return tuple(rule.filled_from(tool) for rule in rules)

    def delegation(self, agent: AgentSpec, target: str, tool: ToolSpec | None = None) -> DelegationRule | None:
        """The rule by which an agent delegates to a target (name, id or key); None if it may not."""
        for rule in self.delegations(agent, tool):
            other = self.agent(rule.agent)
            if target in (other.name, other.id, other.key):
                return rule
        return None

    @property
    def allowed_tools(self) -> tuple[str, ...]:
        """``module:Class`` of every tool, for the allow list of a worker that was given this team."""
        return tuple(dict.fromkeys(f"{tool.module}:{tool.class_name}" for tool in self.tools))

    @property
    def queues(self) -> frozenset[str]:
        """Queues that the team's file names, for tools and delegations."""
        named = {tool.queue_name for tool in self.tools}
        named |= {rule.queue_name for agent in self.agents for rule in agent.delegation}
        return frozenset(queue for queue in named if queue)

    def with_overrides(
        self, *, model: str | None = None, temperature: float | None = None, start: str | None = None
    ) -> TeamSpec:
        """The team with another model or temperature for every agent, or another agent to start with.

        Raises:
            TeamError: there is no such agent, or ``max_cost`` is set and the model has no price.
        """
        if model is not None and self.config.max_cost is not None and model not in self.config.prices:
            raise TeamError(f"max_cost cannot be kept with model {model!r}: add its price to config.prices")
        changes = {"model": model, "temperature": temperature}
        update = {key: value for key, value in changes.items() if value is not None}
        return self.model_copy(
            update={
                "agents": tuple(agent.model_copy(update=update) for agent in self.agents),
                "config": self.config.model_copy(update=update),
                "start": self.start if start is None else self.agent(start).name,
            }
        )

    def _unknown(self, kind: str, reference: str, known: Iterable[str]) -> TeamError:
        names = list(known)
        has = ", ".join(repr(name) for name in names) or "none"
        hint = did_you_mean(reference, names)
        return TeamError(f"no {kind} {reference!r} in team {self.name!r}{hint} (it has {has})")
