"""The four YAML examples of the Gnosari Queue System's document, as they stand."""

from __future__ import annotations

from gnosari_temporal.agents import parse_team

TOOL_CONFIGURATION = """\
tools:
  - name: "File Manager"
    id: "file_tool_async"
    mode: "async"
    priority: 5
    description: "Manages files asynchronously via queue system"
    module: "gnosari.tools.builtin.file_operations"
    class: "FileOperationsTool"
    args:
      base_directory: "./workspace"
      allowed_extensions: [".txt", ".json", ".md", ".py"]
  
  - name: "API Request Tool"
    id: "api_tool_async"
    mode: "async" 
    priority: 2
    queue_name: "high_priority_queue"
    description: "Makes HTTP requests asynchronously"
    module: "gnosari.tools.builtin.api_request"
    class: "APIRequestTool"
"""  # noqa: W291, W293

AGENT_USAGE = """\
# Agent can use both sync and async versions
agents:
  - name: "Task Manager"
    tools: 
      - "file_tool_async"    # Always async
      - "file_tool_sync"     # Always sync
"""  # noqa: W291

FILE_OPERATIONS = """\
# In team configuration
tools:
  - name: "Async File Manager"
    mode: "async"
    module: "gnosari.tools.builtin.file_operations"
    class: "FileOperationsTool"
    args:
      base_directory: "./data"
"""

DELEGATION = """\
tools:
  - name: "Async Delegator"
    mode: "async"
    priority: 1  # Highest priority
    module: "gnosari.tools.builtin.delegation"
    class: "DelegateAgentTool"
"""

UNDEFINED_IN_AGENT_USAGE = """\
tools:
  - {id: file_tool_async, name: file_operations, mode: async}
  - {id: file_tool_sync, name: file_operations, mode: sync}
"""
"""The two tools that the agent names and the document leaves undefined."""

UNDEFINED_IN_DELEGATION = """\
agents:
  - {name: Boss, instructions: Delegate., tools: [Async Delegator]}
  - {name: Writer, instructions: Write.}
"""
"""Agents for the delegation tool, which the document leaves out."""


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
