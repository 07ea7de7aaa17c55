"""What only the whole team shows: who starts, delegations in a circle, a budget that cannot be kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import TeamError
from ..yamldoc import Location, Problems
from .config import TeamConfig
from .entries import TeamEntry
from .references import References
from .spec import AgentSpec
from .team import TeamSpec


@dataclass
class TeamChecks:
    """The checks of one team against its file."""

    team: TeamSpec
    entry: TeamEntry
    agents: References
    problems: Problems
    _reported: set[frozenset[str]] = field(default_factory=set)

    def start(self, choice: str | None, *, needed: bool) -> str | None:
        """Name of the agent with whom a run starts: ``choice``, ``config.start``, the orchestrator, the first one.

        Raises:
            TeamError: ``choice`` is no agent of the team.
        """
        written = self.entry.config.start
        named = self.agents.find(written, ("config", "start")) if written is not None else None
        if choice is not None:
            return self.team.agent(choice).name
        if written is not None:
            return named
        chiefs = [agent for agent in self.team.agents if agent.orchestrator]
        if len(chiefs) > 1:
            if needed:
                self._two_chiefs(chiefs)
            return None
        first = chiefs or self.team.agents
        return first[0].name if first else None

    def _two_chiefs(self, chiefs: list[AgentSpec]) -> None:
        named = ", ".join(
            f"{agent.name!r} in line {self.problems.document.mark(self.agents.places[agent.name]).line}"
            for agent in chiefs
        )
        place = self.agents.places[chiefs[1].name]
        key = "orchestrator" if self.problems.document.written((*place, "orchestrator")) else "is_orchestrator"
        self.problems.add(
            (*place, key),
            f"the team has {len(chiefs)} orchestrators ({named}): set config.start, or choose with --agent",
        )

    def budget(self) -> None:
        """A cost limit needs the price of every model."""
        config: TeamConfig = self.team.config
        if config.max_cost is None:
            return
        for model in dict.fromkeys(agent.model for agent in self.team.agents):
            if model not in config.prices:
                self.problems.add(
                    ("config", "max_cost"), f"cannot be kept for model {model!r}: add its price to config.prices"
                )

    def circles(self) -> None:
        """Delegations that go in a circle need ``config.max_depth``: each level is a run of its own."""
        if self.team.config.max_depth is not None:
            return
        targets = {agent.name: list(self._edges(agent)) for agent in self.team.agents}
        done: set[str] = set()
        for agent in self.team.agents:
            self._search(agent.name, [], targets, done)

    def _search(
        self, name: str, path: list[str], targets: dict[str, list[tuple[str, Location]]], done: set[str]
    ) -> None:
        if name in done:
            return
        path.append(name)
        for target, location in targets[name]:
            if target in path:
                self._circle([*path[path.index(target) :], target], location)
            else:
                self._search(target, path, targets, done)
        path.pop()
        done.add(name)

    def _circle(self, names: list[str], location: Location) -> None:
        if frozenset(names) not in self._reported:
            self._reported.add(frozenset(names))
            circle = " → ".join(names)
            self.problems.add(location, f"delegation goes in a circle without a limit ({circle}): set config.max_depth")

    def _edges(self, agent: AgentSpec) -> Iterator[tuple[str, Location]]:
        """Whom an agent may delegate to, and where the file says so."""
        place = self.agents.places.get(agent.name, ())
        entry = self.entry.agents[int(place[1])] if place else None
        if entry is None:
            return
        if not agent.delegation:
            tool = next((key for key in agent.tools if self.team.tool(key).is_delegation), None)
            for rule in self.team.delegations(agent):
                yield rule.agent, self._tool_place(place, entry.tools, tool)
            return
        for section in ("delegation", "delegations"):
            for index, rule in enumerate(getattr(entry, section)):
                reference = rule if isinstance(rule, str) else rule.agent or rule.target_agent_id
                if reference is not None:
                    yield self.team.agent(reference).name, (*place, section, index)

    def _tool_place(self, place: Location, references: list[str], key: str | None) -> Location:
        for index, reference in enumerate(references):
            if key is not None and self.team.tool(reference).function_name == key:
                return (*place, "tools", index)
        return place


def check_agents(team: TeamSpec, name: str) -> None:
    """Refuse a file that defines nothing to run or use.

    Raises:
        TeamError: it has neither agents nor tools.
    """
    if not (team.agents or team.tools or team.mcp_servers):
        raise TeamError(problems=(f"{name}:1: has neither agents nor tools",))
