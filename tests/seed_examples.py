"""The four YAML examples of the Gnosari Queue System's document, as they stand, and what tests add to run them."""

from __future__ import annotations

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
