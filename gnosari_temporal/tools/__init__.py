"""Tools: what agents call. Interfaces, loading under an allow list, and the builtin tools."""

from .allowlist import AllowedTools
from .base import BaseTool
from .context import (
    TeamContext,
    ToolCall,
    ToolContext,
    ToolGrants,
    context_data_of,
    current_call,
    current_context,
    current_grants,
)
from .function_tools import AsyncTool, SyncTool
from .loading import (
    async_refusal_of,
    input_schema_of,
    load_builtin,
    load_class,
    load_tool,
    make_tool,
    run_tool,
)
from .modules import BUILTIN, resolve_module

__all__ = [
    "BUILTIN",
    "AllowedTools",
    "AsyncTool",
    "BaseTool",
    "SyncTool",
    "TeamContext",
    "ToolCall",
    "ToolContext",
    "ToolGrants",
    "async_refusal_of",
    "context_data_of",
    "current_call",
    "current_context",
    "current_grants",
    "input_schema_of",
    "load_builtin",
    "load_class",
    "load_tool",
    "make_tool",
    "resolve_module",
    "run_tool",
]
