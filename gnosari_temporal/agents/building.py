"""From what a team file says to a team: every reference resolved, everything that does not fit a problem."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..tools.entries import McpEntry, ToolEntry
from ..tools.modules import BUILTIN
from ..tools.spec import DELEGATION_TOOL, KNOWLEDGE_TOOL, McpServerSpec, ToolSpec, function_name_of
from ..yamldoc import Location, Problems, shown
from .config import ModelPrice, OutstandingPolicy, TeamConfig
from .entries import (
    DIRECTORY_TYPES,
    FILE_TYPES,
    TEXT_TYPES,
    AgentEntry,
    ConfigEntry,
    DelegationEntry,
    HandoffEntry,
    KnowledgeEntry,
    OutstandingEntry,
    TeamEntry,
)
from .references import References
from .spec import AgentSpec, DelegationRule, HandoffRule, KnowledgeSource, KnowledgeSpec
from .team import TeamSpec

INBOX_TOOLS = ("check_tasks", "collect_tasks", "cancel_task")
"""Tools that an agent with async work gets by itself; no other tool has these names."""


class TeamBuilder:
    """Makes one team, noting problems and warnings on the way."""

    def __init__(self, entry: TeamEntry, problems: Problems, warnings: Problems) -> None:
        self.entry = entry
        self.problems = problems
        self.warnings = warnings
        self.agents = References("agent", problems)
        self._tools = References("tool", problems)
        self._knowledge = References("knowledge", problems)
        self._tool_specs: dict[str, ToolSpec] = {}
        self._servers: dict[str, McpServerSpec] = {}
        self._knowledge_specs: dict[str, KnowledgeSpec] = {}

    def build(self, file: Path) -> TeamSpec:
        """The team, without its start; worth something only if no problems were noted."""
        for index, entry in enumerate(self.entry.tools):
            self._define_tool(entry, ("tools", index))
        for index, entry in enumerate(self.entry.mcp_servers):
            self._define_tool(entry, ("mcp_servers", index))
        for index, knowledge in enumerate(self.entry.knowledge):
            self._define_knowledge(knowledge, ("knowledge", index))
        for index, agent in enumerate(self.entry.agents):
            self._name_agent(agent, ("agents", index))
        agents = tuple(self._agent(agent, ("agents", index)) for index, agent in enumerate(self.entry.agents))
        return TeamSpec(
            name=self.entry.name or self.entry.id or file.stem,
            id=self.entry.id,
            description=self.entry.description,
            config=_config(self.entry.config),
            agents=agents,
            tools=tuple(self._tool_specs.values()),
            mcp_servers=tuple(self._servers.values()),
            knowledge=tuple(self._knowledge_specs.values()),
        )

    def _define_tool(self, entry: ToolEntry | McpEntry, location: Location) -> None:
        if isinstance(entry, McpEntry):
            server = entry.spec(location, self.problems)
            if server and self._claim(server.key, location, entry):
                self._servers[server.key] = server
            return
        tool = entry.spec(location, self.problems, self.warnings)
        if tool is None:
            return
        if tool.function_name == DELEGATION_TOOL and not tool.is_delegation:
            self.problems.add(location, f"is called {DELEGATION_TOOL!r}, as delegation is: write another id")
        elif self._claim(tool.function_name, location, entry):
            self._tool_specs[tool.function_name] = tool

    def _claim(self, key: str, location: Location, entry: ToolEntry | McpEntry) -> bool:
        if key in INBOX_TOOLS:
            self.problems.add(location, f"is called {key!r}, as a tool of the engine is: write another id")
            return False
        return self._tools.define(key, location, exact=[entry.id], loose=[entry.name])

    def _define_knowledge(self, entry: KnowledgeEntry, location: Location) -> None:
        name = entry.name or entry.id
        if name is None:
            self.problems.add(location, "'name' is missing")
            return
        spec = KnowledgeSpec(
            id=entry.id or name,
            name=name,
            description=entry.description,
            type=entry.type,
            source=_source(entry.type),
            data=tuple(self._searchable(entry, location)),
        )
        if self._knowledge.define(spec.id, location, loose=[name] if name != spec.id else []):
            self._knowledge_specs[spec.id] = spec

    def _searchable(self, entry: KnowledgeEntry, location: Location) -> Iterator[str]:
        """The data of a knowledge entry, with warnings for what is not searched."""
        source = _source(entry.type)
        if source == "other":
            self.warnings.add(
                (*location, "type"),
                f"{entry.type!r} is not searched: save it as files for type 'directory', or write type 'text'",
            )
        elif not entry.data:
            self.problems.add(location, f"'data' is missing: type {entry.type!r} needs texts or paths")
        for index, item in enumerate(entry.data):
            if source in ("file", "directory") and item.startswith(("http://", "https://")):
                here = (*location, "data", index)
                self.warnings.add(here, f"{shown(item)} is an address and is not searched: save it as a file")
            else:
                yield item

    def _name_agent(self, entry: AgentEntry, location: Location) -> None:
        name = entry.name or entry.id
        if name is None:
            self.problems.add(location, "'name' is missing")
        elif not function_name_of(entry.id or name):
            self.problems.add(location, f"{shown(name)} has no Latin letter or digit: write an id")
        else:
            self.agents.define(name, location, exact=[entry.id])

    def _agent(self, entry: AgentEntry, location: Location) -> AgentSpec:
        name = entry.name or entry.id or ""
        config = self.entry.config
        tools, servers = self._tools_of(entry, location)
        delegation = tuple(self._delegations(entry, location))
        knowledge = tuple(self._knowledge_of(entry, location))
        if delegation:
            self._give(DELEGATION_TOOL, tools, any(self._tool_specs[key].is_delegation for key in tools))
        if any(self._knowledge_specs[key].source != "other" for key in knowledge):
            self._give(KNOWLEDGE_TOOL, tools, any(self._tool_specs[key].is_knowledge for key in tools))
        if not entry.instructions.strip():
            self.warnings.add(location, f"agent {name!r} has no instructions")
        return AgentSpec(
            name=name,
            id=entry.id,
            description=entry.description,
            instructions=entry.instructions,
            model=entry.model or config.model,
            temperature=config.temperature if entry.temperature is None else entry.temperature,
            reasoning_effort=entry.reasoning_effort or config.reasoning_effort,
            max_turns=entry.max_turns or config.max_turns,
            orchestrator=bool(entry.orchestrator or entry.is_orchestrator),
            tools=tuple(tools),
            mcp_servers=tuple(servers),
            knowledge=knowledge,
            delegation=delegation,
            can_transfer_to=tuple(self._handoffs(entry, location)),
        )

    def _tools_of(self, entry: AgentEntry, location: Location) -> tuple[dict[str, None], dict[str, None]]:
        """The keys of an agent's tools and MCP servers, each once."""
        tools: dict[str, None] = {}
        servers: dict[str, None] = {}
        named = [("tools", entry.tools), ("mcp_servers", entry.mcp_servers)]
        for section, references in named:
            for index, reference in enumerate(references):
                here = (*location, section, index)
                key = self._tools.find(reference, here, builtin=BUILTIN)
                if key is None:
                    continue
                if key in self._servers:
                    servers[key] = None
                    continue
                tool = self._tool_specs.get(key) or ToolSpec.builtin(key)
                self._tool_specs[key] = tool
                tools[key] = None
                if tool.is_knowledge and not tool.args and not self._knowledge_specs:
                    self.warnings.add(here, "the team has no knowledge to search")
        return tools, servers

    def _give(self, name: str, tools: dict[str, None], has_one: bool) -> None:
        """Give an agent the team's delegation or knowledge tool, unless it has one of its own."""
        if not has_one:
            self._tool_specs.setdefault(name, ToolSpec.builtin(name))
            tools[name] = None

    def _knowledge_of(self, entry: AgentEntry, location: Location) -> Iterator[str]:
        for index, reference in enumerate(entry.knowledge):
            key = self._knowledge.find(reference, (*location, "knowledge", index))
            if key is not None:
                yield key

    def _delegations(self, entry: AgentEntry, location: Location) -> Iterator[DelegationRule]:
        for rule, target, here in self._targets(entry, location, "delegation", "delegations"):
            if isinstance(rule, DelegationEntry):
                yield DelegationRule(
                    agent=target,
                    instructions=rule.instructions,
                    mode=rule.mode,
                    priority=rule.priority,
                    queue_name=rule.queue_spec(here, self.problems),
                    timeout=rule.timeout,
                    retry=rule.retry_spec(here, self.problems),
                    approval=rule.approval_spec(),
                )
            else:
                yield DelegationRule(agent=target)

    def _handoffs(self, entry: AgentEntry, location: Location) -> Iterator[HandoffRule]:
        for rule, target, here in self._targets(entry, location, "can_transfer_to"):
            if target == (entry.name or entry.id):
                self.problems.add(here, "an agent cannot hand over to itself")
            instructions = rule.instructions if isinstance(rule, HandoffEntry) else None
            yield HandoffRule(agent=target, instructions=instructions)

    def _targets(
        self, entry: AgentEntry, location: Location, *sections: str
    ) -> Iterator[tuple[str | DelegationEntry | HandoffEntry, str, Location]]:
        """The rules of these sections with the agents that they name and their places."""
        seen: dict[str, Location] = {}
        for section in sections:
            for index, rule in enumerate(getattr(entry, section)):
                here: Location = (*location, section, index)
                reference = rule if isinstance(rule, str) else rule.agent or rule.target_agent_id
                if reference is None:
                    self.problems.add(here, "'agent' is missing")
                    continue
                key = "agent" if isinstance(rule, str) or rule.agent else "target_agent_id"
                target = self.agents.find(reference, here if isinstance(rule, str) else (*here, key))
                if target is None:
                    continue
                if target in seen:
                    line = self.problems.document.mark(seen[target]).line
                    self.problems.add(here, f"{target!r} is in line {line} already; keep one of them")
                    continue
                seen[target] = here
                yield rule, target, here


def _config(entry: ConfigEntry) -> TeamConfig:
    outstanding = entry.on_outstanding
    if isinstance(outstanding, OutstandingEntry):
        policy = OutstandingPolicy(action=outstanding.action, timeout=outstanding.timeout)
    else:
        policy = OutstandingPolicy(action=outstanding) if outstanding else OutstandingPolicy()
    return TeamConfig(
        model=entry.model,
        temperature=entry.temperature,
        reasoning_effort=entry.reasoning_effort,
        max_turns=entry.max_turns,
        timeout=entry.timeout,
        max_tokens_total=entry.max_tokens_total,
        max_cost=entry.max_cost,
        prices={
            model: ModelPrice(input=price.input, output=price.output, cached_input=price.cached_input)
            for model, price in entry.prices.items()
        },
        on_outstanding=policy,
        max_depth=entry.max_depth,
    )


def _source(kind: str) -> KnowledgeSource:
    if kind in TEXT_TYPES:
        return "text"
    if kind in DIRECTORY_TYPES:
        return "directory"
    return "file" if kind in FILE_TYPES else "other"
