"""Tools and the real Agents SDK, both ways."""

import json
from typing import Any

import pytest

from gnosari_temporal.errors import ToolInputError
from gnosari_temporal.tools import SyncTool, ToolCall, ToolContext, load_builtin, run_tool

agents = pytest.importorskip("agents", reason="the agents extra is not installed")


async def test_a_tool_of_ours_is_a_function_tool_of_the_sdk(tmp_path: Any) -> None:
    from agents.tool_context import ToolContext as SdkContext

    tool = load_builtin("file_operations", {"base_directory": str(tmp_path)}).get_tool()
    assert isinstance(tool, agents.FunctionTool)
    assert "operation" in tool.params_json_schema["properties"]

    arguments = json.dumps({"operation": "write", "file_path": "a.txt", "content": "x"})
    ctx = SdkContext(context=None, tool_name=tool.name, tool_call_id="1", tool_arguments=arguments)
    answer = await tool.on_invoke_tool(ctx, arguments)

    assert json.loads(answer)["size"] == 1
    assert (tmp_path / "a.txt").read_text() == "x"


class Decorated(SyncTool):
    """A Gnosari tool whose function tool is made by the SDK's decorator."""

    def __init__(self) -> None:
        super().__init__("decorated", "d", None)  # type: ignore[arg-type]

    def get_tool(self) -> Any:
        @agents.function_tool(failure_error_function=None)
        def decorated(ctx: agents.RunContextWrapper[Any], a: int, b: int = 2) -> str:
            """Adds.

            Args:
                a: one
                b: another
            """
            if a < 0:
                raise ConnectionError("away")
            return f"{a + b} for {ctx.context.session_id} of {ctx.agent_id}"  # type: ignore[attr-defined]

        return decorated


async def test_a_tool_of_the_sdks_decorator_runs_with_the_context_it_expects() -> None:
    context = ToolContext.from_data({"session_id": "s1", "agent_id": "writer"})

    answer = await run_tool(Decorated(), {"a": 1}, context, call=ToolCall("t", "k"))

    assert answer == "3 for s1 of writer"


async def test_its_wrong_arguments_are_named_and_its_exceptions_are_seen() -> None:
    with pytest.raises(ToolInputError, match="a: 'x' is not of type 'integer'"):
        await run_tool(Decorated(), {"a": "x"})
    with pytest.raises(ConnectionError, match="away"):
        await run_tool(Decorated(), {"a": -1})
