"""The four YAML examples of the Gnosari Queue System's document, as they stand."""

from __future__ import annotations

from seed_examples import (
    AGENT_USAGE,
    DELEGATION,
    FILE_OPERATIONS,
    TOOL_CONFIGURATION,
    UNDEFINED_IN_AGENT_USAGE,
    UNDEFINED_IN_DELEGATION,
)

from gnosari_temporal.agents import parse_team


def test_the_tool_configuration_validates() -> None:
    loaded = parse_team(TOOL_CONFIGURATION, "team.yaml", {})
    files, api = loaded.team.tools
    assert loaded.warnings == ()
    assert (files.function_name, files.mode, files.priority, files.queue_name) == ("file_tool_async", "async", 5, None)
    assert files.args == {"base_directory": "./workspace", "allowed_extensions": [".txt", ".json", ".md", ".py"]}
    assert (api.function_name, api.mode, api.priority) == ("api_tool_async", "async", 2)
    assert api.queue_name == "high_priority_queue"


def test_the_agent_usage_validates_with_the_tools_that_it_leaves_undefined() -> None:
    loaded = parse_team(AGENT_USAGE + UNDEFINED_IN_AGENT_USAGE, "team.yaml", {})
    manager = loaded.team.start_agent
    assert manager.name == "Task Manager"
    assert [tool.mode for tool in loaded.team.tools_of(manager)] == ["async", "sync"]
    assert loaded.warnings == ("team.yaml:3: agents[0]: agent 'Task Manager' has no instructions",)


def test_the_file_operations_validate() -> None:
    (tool,) = parse_team(FILE_OPERATIONS, "team.yaml", {}).team.tools
    assert (tool.function_name, tool.mode, tool.args) == ("async_file_manager", "async", {"base_directory": "./data"})


def test_the_delegation_validates_alone_and_with_agents() -> None:
    (tool,) = parse_team(DELEGATION, "team.yaml", {}).team.tools
    assert tool.is_delegation
    team = parse_team(DELEGATION + UNDEFINED_IN_DELEGATION, "team.yaml", {}).team
    (rule,) = team.delegations(team.agent("Boss"))
    assert (rule.agent, rule.mode, rule.priority) == ("Writer", "async", 1)
