"""A team as its file writes it: the schema that is checked, and that editors complete from."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema

from ..durations import Duration, PositiveDuration
from ..tools.entries import AnyTool, McpEntry
from ..tools.run_entries import Runs
from ..yamldoc import ListOfText, Name, Number, Section, Whole, choices, did_you_mean, shown
from .config import DEFAULT_MAX_TURNS, DEFAULT_MODEL, OutstandingAction, OutstandingPolicy, ReasoningEffort

_DEFAULT_OUTSTANDING = OutstandingPolicy()

TEXT_TYPES = ("text",)
FILE_TYPES = ("file", "text_file", "markdown", "md", "mdx", "csv", "json", "xml", "html", "yaml")
DIRECTORY_TYPES = ("directory",)
OTHER_TYPES = (
    "website", "web_page", "sitemap", "docs_site", "rss_feed", "youtube", "youtube_video", "youtube_channel",
    "pdf", "pdf_file", "docx", "docs", "excel", "image", "audio", "qna_pair", "openapi", "notion", "github",
    "gmail", "google_drive", "slack", "discord", "discourse", "substack", "beehiiv", "dropbox", "mysql", "postgres",
)  # fmt: skip
_SEARCHED = TEXT_TYPES + DIRECTORY_TYPES + FILE_TYPES

Temperature = Annotated[Number, Field(ge=0, le=2)]
Turns = Annotated[Whole, Field(ge=1)]


def _known_type(value: str) -> str:
    known = _SEARCHED + OTHER_TYPES
    if value not in known:
        hint = did_you_mean(value, known)
        raise ValueError(f"must be {choices(_SEARCHED)}, not {shown(value)}{hint}")
    return value


KnowledgeType = Annotated[str, AfterValidator(_known_type), WithJsonSchema({"enum": [*_SEARCHED, *OTHER_TYPES]})]


def _shape(value: Any) -> str:
    return "name" if isinstance(value, str) else "rule"


class OutstandingEntry(Section):
    """What an agent does that ends while tasks that it sent off are outstanding."""

    action: OutstandingAction = _DEFAULT_OUTSTANDING.action
    """wait: for their results, and a turn with them; return: without them; cancel: them."""
    timeout: Duration = _DEFAULT_OUTSTANDING.timeout
    """The longest wait (default 1h)."""


class PriceEntry(Section):
    """What a model costs, in US dollars for a million tokens."""

    input: Annotated[Number, Field(ge=0)]
    """Tokens that the model reads."""
    output: Annotated[Number, Field(ge=0)]
    """Tokens that the model writes."""
    cached_input: Annotated[Number, Field(ge=0)] | None = None
    """Tokens that the model had read before; by default as input."""


class ConfigEntry(Section):
    """Limits, budgets and defaults of a team's runs."""

    start: Name | None = None
    """Name or id of the agent with whom a run starts; by default the orchestrator, else the first agent."""
    model: Name = DEFAULT_MODEL
    """Model of every agent that names none (default gpt-4o)."""
    temperature: Temperature | None = None
    """Temperature of every agent that has none; by default the model's own."""
    reasoning_effort: ReasoningEffort | None = None
    """Reasoning effort of every agent that has none; by default the model's own."""
    max_turns: Turns = DEFAULT_MAX_TURNS
    """Turns of one agent's run, for every agent that sets none (default 100)."""
    timeout: PositiveDuration | None = None
    """Limit of a whole run, people's answers included; by default there is none."""
    max_tokens_total: Annotated[Whole, Field(ge=1)] | None = None
    """Tokens of a run, its delegations included, after which it stops."""
    max_cost: Annotated[Number, Field(gt=0)] | None = None
    """US dollars of a run, its delegations included, after which it stops; needs prices."""
    prices: dict[str, PriceEntry] = Field(default_factory=dict)
    """What each model costs."""
    on_outstanding: (
        Annotated[
            Annotated[OutstandingAction, Tag("name")] | Annotated[OutstandingEntry, Tag("rule")],
            Discriminator(lambda value: "rule" if isinstance(value, dict | OutstandingEntry) else "name"),
        ]
        | None
    ) = None
    """What an agent does that ends while tasks are outstanding (default wait)."""
    max_depth: Annotated[Whole, Field(ge=1)] | None = None
    """Delegations below one another, at most; a team whose delegations go in a circle needs it."""


class DelegationEntry(Runs):
    """An agent to whom this one may delegate, and how such a run goes."""

    agent: Name | None = None
    """Name or id of the agent."""
    target_agent_id: Name | None = None
    """The same as agent."""
    instructions: str | None = None
    """When and how to delegate to it, for the model."""


class HandoffEntry(Section):
    """An agent to whom this one may hand the conversation over for good."""

    agent: Name | None = None
    """Name or id of the agent."""
    target_agent_id: Name | None = None
    """The same as agent."""
    instructions: str | None = None
    """When to hand over, for the model."""


AnyDelegation = Annotated[Annotated[Name, Tag("name")] | Annotated[DelegationEntry, Tag("rule")], Discriminator(_shape)]
AnyHandoff = Annotated[Annotated[Name, Tag("name")] | Annotated[HandoffEntry, Tag("rule")], Discriminator(_shape)]


class AgentEntry(Section):
    """One agent of the team."""

    name: Name | None = None
    """What the agent is called; by default its id."""
    id: Name | None = None
    """Another name for references."""
    description: str | None = None
    """What the agent is good for, for agents that may delegate to it."""
    instructions: str = ""
    """What the agent is told before every conversation."""
    model: Name | None = None
    """Model of the agent; by default the config's."""
    temperature: Temperature | None = None
    """0 to 2; by default the config's."""
    reasoning_effort: ReasoningEffort | None = None
    """How long a reasoning model thinks; by default the config's."""
    max_turns: Turns | None = None
    """Turns of one run; by default the config's."""
    orchestrator: bool | None = None
    """Whether runs start with this agent."""
    is_orchestrator: bool | None = None
    """The same as orchestrator."""
    tools: list[Name] = Field(default_factory=list)
    """Names or ids of tools and MCP servers, or names of builtin tools."""
    mcp_servers: list[Name] = Field(default_factory=list)
    """Names or ids of MCP servers."""
    knowledge: list[Name] = Field(default_factory=list)
    """Names or ids of the knowledge that the agent may search; it gets the knowledge tool by itself."""
    delegation: list[AnyDelegation] = Field(default_factory=list)
    """Agents to whom it may delegate; it gets the delegation tool by itself, limited to them."""
    delegations: list[AnyDelegation] = Field(default_factory=list)
    """The same as delegation."""
    can_transfer_to: list[AnyHandoff] = Field(default_factory=list)
    """Agents to whom it may hand the conversation over."""


class KnowledgeEntry(Section):
    """Texts or files that agents may search."""

    id: Name | None = None
    """Another name for references; by default the name."""
    name: Name | None = None
    """What agents call it; by default the id."""
    description: str | None = None
    """What it holds, for the model."""
    type: KnowledgeType
    """text: data holds texts; directory: paths of directories; file, markdown, csv, json …: paths of files."""
    data: ListOfText = Field(default_factory=list)
    """Texts or paths. ${VAR} is resolved on the worker, at use."""


class TeamEntry(Section):
    """A Gnosari team: agents, their tools and what they know."""

    name: Name | None = None
    """What the team is called; by default the file's name."""
    id: Name | None = None
    """Another name of the team."""
    description: str | None = None
    """What the team is for."""
    config: ConfigEntry = ConfigEntry()
    """Limits, budgets and defaults of a team's runs."""
    tools: list[AnyTool] = Field(default_factory=list)
    """Tools and MCP servers that agents may name."""
    mcp_servers: list[McpEntry] = Field(default_factory=list)
    """MCP servers that agents may name."""
    knowledge: list[KnowledgeEntry] = Field(default_factory=list)
    """Knowledge that agents may search."""
    agents: list[AgentEntry] = Field(default_factory=list)
    """The agents; a file without them only defines tools."""
