"""Keys of Gnosari's files that mean nothing here yet, and those that are called otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..yamldoc import Location, YamlDocument
from .entries import TEXT_TYPES

_PEOPLE = "has no effect yet: write 'approval: true' on a tool or delegation to ask a person"
_EMBEDCHAIN = "has no effect: knowledge is searched by a full-text index without models or a vector database"
_SCHEDULE = "has no effect yet: start the run from cron with 'gnosari run'"
_CLOUD = "has no effect: there is no Gnosari Cloud here"

IGNORED = {
    ("human_supervision",): _PEOPLE,
    ("agents", "*", "human_supervision"): _PEOPLE,
    ("cronjob",): _SCHEDULE,
    ("cronjobs",): _SCHEDULE,
    ("account_id",): _CLOUD,
    ("team_id",): _CLOUD,
    ("config", "execution_mode"): "has no effect: every run is durable; see 'gnosari run --detach'",
    ("config", "log_level"): "has no effect: set the worker's --loglevel",
    ("config", "debug"): "has no effect: set the worker's --loglevel",
    ("config", "llm"): _EMBEDCHAIN,
    ("config", "embedder"): _EMBEDCHAIN,
    ("config", "chunker"): _EMBEDCHAIN,
    ("config", "db"): _EMBEDCHAIN,
    ("knowledge", "*", "config"): _EMBEDCHAIN,
    ("knowledge", "*", "embedchain_config"): _EMBEDCHAIN,
    ("knowledge", "*", "refresh_interval"): "has no effect yet",
    ("agents", "*", "parallel_tool_calls"): "has no effect: calls that a model makes together run in parallel",
}
"""Where a key stands (``*`` is any item) and what is said when it is dropped."""

RENAMED = {
    "max_turn": "write 'max_turns'",
    "handoffs": "write 'can_transfer_to'",
    "transfer_to": "write 'can_transfer_to'",
    "knowledge_bases": "write 'knowledge'",
    "prompt": "write 'instructions'",
    "system_prompt": "write 'instructions'",
    "connection": "write 'connection_type'",
    "transport": "write 'connection_type'",
    "type": "tools are chosen by 'module' and 'class', MCP servers by 'connection_type'",
    "data_sources": "write 'data'",
    "budget": "write 'max_tokens_total' or 'max_cost'",
}
"""Keys that people write, and what to write in their place."""

_RESOLVED_AT_USE = frozenset({"args", "headers", "env", "url", "command"})


@dataclass(frozen=True)
class Variables:
    """What becomes of ``${VAR}`` at each place of a document."""

    document: YamlDocument

    def stay(self, location: Location) -> bool:
        """Whether those below this place stay as written, to be resolved on the worker at use."""
        if len(location) != 3:
            return False
        section, _, key = location
        if section == "knowledge":
            return key == "data" and not self._is_text(location)
        return section in ("tools", "mcp_servers") and key in _RESOLVED_AT_USE

    def may_be_missing(self, location: Location) -> bool:
        """Whether the text is for people or a model, where ``${NAME}`` may be meant as it stands."""
        is_data = location[:1] == ("knowledge",) and location[2:3] == ("data",)
        return is_data or location[-1:] in (("instructions",), ("description",))

    def _is_text(self, location: Location) -> bool:
        return self.document.written((*location[:2], "type")) in TEXT_TYPES


def without_anchors(data: dict[str, Any]) -> dict[str, Any]:
    """The data without ``x-…`` keys, which hold what other parts of the file take over by YAML aliases."""
    return {key: value for key, value in data.items() if not key.startswith("x-")}


def without_pass(data: dict[str, Any]) -> dict[str, Any]:
    """The data without ``args: pass``, by which files of Gnosari say that a tool has no arguments."""
    tools = data.get("tools")
    if not isinstance(tools, list):
        return data
    kept = [
        {key: value for key, value in tool.items() if (key, value) != ("args", "pass")}
        if isinstance(tool, dict)
        else tool
        for tool in tools
    ]
    return {**data, "tools": kept}
