"""The two kinds of tools, run alike, and what a running tool can know."""

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict, Field
from temporalio.exceptions import CancelledError

from gnosari_temporal.errors import ToolDefinitionError, ToolInputError
from gnosari_temporal.tools import (
    AsyncTool,
    BaseTool,
    SyncTool,
    ToolCall,
    ToolContext,
    ToolGrants,
    async_refusal_of,
    context_data_of,
    current_call,
    current_context,
    current_grants,
    input_schema_of,
    run_tool,
)


class Sum(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int
    b: int = Field(default=0, description="The other one")


class AddTool(BaseTool[Sum, int]):
    def __init__(self) -> None:
        super().__init__("add", "adds", Sum)

    async def run(self, input_data: Sum) -> int:
        return input_data.a + input_data.b


SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "unit": {"enum": ["m", "km"]}},
    "required": ["a"],
    "additionalProperties": False,
}


class SchemaTool(BaseTool[dict[str, Any], Any]):
    def __init__(self) -> None:
        super().__init__(name="schema", description="d", input_schema=SCHEMA, output_schema=None)

    async def run(self, input_data: dict[str, Any]) -> Any:
        return input_data


@dataclass
class FakeFunctionTool:
    """The shape of the Agents SDK's FunctionTool."""

    name: str
    description: str
    params_json_schema: dict[str, Any]
    on_invoke_tool: Any
    strict_json_schema: bool = False


class FunctionKind(SyncTool):
    def __init__(self, strict: bool = False) -> None:
        super().__init__(name="function", description="d", input_schema=Sum)
        self.strict = strict

    def get_tool(self) -> Any:
        return FakeFunctionTool("function", "d", SCHEMA, self._invoke, self.strict)

    async def _invoke(self, ctx: Any, args: str) -> str:
        return json.dumps(
            {
                "args": json.loads(args),
                "session": ctx.context.session_id,
                "config": ctx.context.original_config,
                "session_context": ctx.context.session_context,
                "agent": ctx.agent_id,
            }
        )


async def test_a_tool_with_a_model_gets_an_instance_of_it() -> None:
    assert await run_tool(AddTool(), {"a": 1, "b": "2"}) == 3
    assert await run_tool(AddTool(), '{"a": 1}') == 1


@pytest.mark.parametrize(
    ("arguments", "fields", "said"),
    [
        ({}, ("a",), "add: a: missing"),
        ({"a": "x"}, ("a",), "add: a: Input should be a valid integer, unable to parse string as an integer (got 'x')"),
        ({"a": 1, "bb": 2}, ("bb",), "add: bb: unknown argument, did you mean 'b'? (allowed: a, b)"),
        ("", ("a",), "add: a: missing"),
        ("nope", (), "add: the arguments are no JSON"),
        ("[1]", (), "add: the arguments are [1]; send one JSON object"),
        ('{"a": ' + "9" * 5000 + "}", (), "add: the arguments are no JSON"),
        ("[" * 100_000, (), "add: the arguments are no JSON"),
    ],
)
async def test_refused_arguments_are_named(arguments: Any, fields: tuple[str, ...], said: str) -> None:
    with pytest.raises(ToolInputError) as caught:
        await run_tool(AddTool(), arguments)

    assert said in str(caught.value)
    assert len(str(caught.value)) < 500
    if fields:
        assert caught.value.fields == fields


async def test_a_tool_with_a_json_schema_gets_checked_arguments() -> None:
    assert await run_tool(SchemaTool(), {"a": 1, "unit": "km"}) == {"a": 1, "unit": "km"}
    for arguments, said in (
        ({"unit": "km"}, "'a' is a required property"),
        ({"a": 1, "unit": "mile"}, "unit: 'mile' is not one of"),
        ({"a": 1, "c": 2}, "'c' was unexpected"),
    ):
        with pytest.raises(ToolInputError) as caught:
            await run_tool(SchemaTool(), arguments)
        assert said in str(caught.value)


async def test_a_schema_that_is_none_is_the_tools_fault() -> None:
    tool = SchemaTool()
    tool.input_schema = {"type": "no such type"}

    with pytest.raises(ToolDefinitionError, match="its input schema is no JSON schema"):
        await run_tool(tool, {})
    tool.input_schema = int  # type: ignore[assignment]
    with pytest.raises(ToolDefinitionError, match="neither a pydantic model class nor a JSON schema"):
        _ = tool.input_json_schema


async def test_a_remote_schema_is_not_fetched() -> None:
    tool = SchemaTool()
    tool.input_schema = {"$ref": "http://127.0.0.1:1/schema.json"}

    with pytest.raises(Exception, match=r"127\.0\.0\.1:1/schema\.json") as caught:
        await run_tool(tool, {})

    assert "Unresolvable" in type(caught.value).__name__ or "Unresolvable" in str(caught.value)


def test_schemas_are_told_for_either_kind() -> None:
    assert input_schema_of(AddTool())["properties"]["b"]["description"] == "The other one"
    assert input_schema_of(SchemaTool()) == SCHEMA
    assert input_schema_of(FunctionKind()) == SCHEMA
    assert AddTool().output_json_schema is None


async def test_the_function_kind_is_run_alike_and_reads_its_context() -> None:
    context = ToolContext.from_data(
        {
            "context_wrapper": {
                "context": {"original_config": {"name": "team"}, "session_id": "s1", "session_context": {"k": 1}},
                "agent_id": "writer",
            }
        }
    )

    answer = json.loads(await run_tool(FunctionKind(), '{"a": 1}', context))

    assert answer == {
        "args": {"a": 1},
        "session": "s1",
        "config": {"name": "team"},
        "session_context": {"k": 1},
        "agent": "writer",
    }


async def test_the_function_kinds_schema_is_checked_first() -> None:
    with pytest.raises(ToolInputError, match="'a' is a required property"):
        await run_tool(FunctionKind(), {})
    with pytest.raises(ToolInputError, match="unit: 'mile' is not one of"):
        await run_tool(FunctionKind(strict=True), {"unit": "mile"})

    # The SDK's strict schemas call everything required, defaults or not.
    assert json.loads(await run_tool(FunctionKind(strict=True), {}))["args"] == {}


async def test_a_function_tool_itself_and_an_object_with_run_are_tools_too() -> None:
    class Shaped:
        name = "shaped"
        input_schema = Sum

        def run(self, input_data: Sum) -> int:
            return input_data.a * 2

    class Loose:
        async def run(self, input_data: dict[str, Any]) -> Any:
            return input_data

    assert json.loads(await run_tool(FunctionKind().get_tool(), {"a": 5}))["args"] == {"a": 5}
    assert await run_tool(Shaped(), {"a": 4}) == 8
    with pytest.raises(ToolInputError, match="shaped: a: missing"):
        await run_tool(Shaped(), {})
    assert await run_tool(Loose(), {"any": "thing"}) == {"any": "thing"}
    with pytest.raises(ToolDefinitionError, match="int is no tool"):
        await run_tool(7, {})


async def test_a_synchronous_run_runs_in_a_thread_and_knows_its_call() -> None:
    class Blocking(BaseTool):
        def __init__(self) -> None:
            super().__init__("blocking", "d", {"type": "object"})

        def run(self, input_data: Any) -> Any:  # type: ignore[override]
            call = current_call()
            assert call is not None
            return [threading.current_thread() is threading.main_thread(), call.idempotency_key]

    assert await run_tool(Blocking(), {}, call=ToolCall("t", "k")) == [False, "k"]


async def test_a_synchronous_run_is_told_of_its_cancellation() -> None:
    ended: list[str] = []
    started = threading.Event()

    class Endless(BaseTool):
        def __init__(self) -> None:
            super().__init__("endless", "d", {"type": "object"})

        def run(self, input_data: Any) -> Any:  # type: ignore[override]
            started.set()
            try:
                while True:
                    time.sleep(0.01)
            except CancelledError:
                ended.append("told")
                raise

    task = asyncio.create_task(run_tool(Endless(), {}))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert ended == ["told"]


async def test_many_blocking_tools_run_at_once() -> None:
    together = threading.Barrier(30)

    class Waiting(BaseTool):
        def __init__(self) -> None:
            super().__init__("waiting", "d", {"type": "object"})

        def run(self, input_data: Any) -> Any:  # type: ignore[override]
            return together.wait(20) >= 0

    assert await asyncio.gather(*(run_tool(Waiting(), {}) for _ in range(30))) == [True] * 30


async def test_calls_at_once_know_each_its_own_call_and_context() -> None:
    class Telling(BaseTool):
        def __init__(self) -> None:
            super().__init__("telling", "d", {"type": "object"})

        async def run(self, input_data: Any) -> Any:
            await asyncio.sleep(0.001)
            call = current_call()
            assert call is not None
            return [call.task_id, current_context().session_id, list(current_grants().allowed_hosts)]

    answers = await asyncio.gather(
        *(
            run_tool(
                Telling(),
                {},
                ToolContext.from_data(session_id=f"s{n}"),
                call=ToolCall(f"t{n}", f"k{n}"),
                grants=ToolGrants((f"h{n}",)),
            )
            for n in range(50)
        )
    )

    assert answers == [[f"t{n}", f"s{n}", [f"h{n}"]] for n in range(50)]
    assert current_call() is None
    assert current_grants() == ToolGrants()
    assert current_context().context.session_id is None


async def test_results_are_plain_json_values() -> None:
    class Rich(BaseModel):
        when: datetime
        price: Decimal

    class Giving(BaseTool):
        def __init__(self) -> None:
            super().__init__("giving", "d", {"type": "object"})

        async def run(self, input_data: Any) -> Any:
            return {
                "half a character": "a\udcffb",
                "model": Rich(when=datetime(2026, 1, 2), price=Decimal("1.50")),
                "bytes": b"\xff",
                "set": {1},
                "nan": float("nan"),
                "other": object,
            }

    answer = await run_tool(Giving(), {})

    assert json.loads(json.dumps(answer, allow_nan=False, ensure_ascii=False).encode()) == answer
    assert answer["half a character"] == "a?b"
    assert answer["model"] == {"when": "2026-01-02T00:00:00", "price": "1.50"}
    assert answer["bytes"] == "_w=="


async def test_a_result_that_does_not_match_is_logged_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    tool = AddTool()
    tool.output_schema = Sum

    assert await run_tool(tool, {"a": 1}) == 1
    assert "add: the result is not a Sum" in caplog.text


async def test_exceptions_of_a_tool_come_out_as_they_are() -> None:
    class Failing(BaseTool):
        def __init__(self) -> None:
            super().__init__("failing", "d", {"type": "object"})

        async def run(self, input_data: Any) -> Any:
            raise ConnectionError("away")

    with pytest.raises(ConnectionError, match="away"):
        await run_tool(Failing(), {})


class TestContext:
    @pytest.mark.parametrize(
        "data",
        [
            {"context_wrapper": {"context": {"session_id": "s", "original_config": {"a": 1}}, "agent_id": "x"}},
            {"context": {"session_id": "s", "original_config": {"a": 1}}, "agent_id": "x"},
            {"session_id": "s", "original_config": {"a": 1}, "agent_id": "x"},
        ],
    )
    def test_every_shape_of_context_data_is_read(self, data: dict[str, Any]) -> None:
        context = ToolContext.from_data(data)

        assert (context.context.session_id, context.session_id, context.agent_id) == ("s", "s", "x")
        assert context.context.original_config == {"a": 1}
        assert context.context.session_context == {}

    def test_the_messages_own_fields_fill_what_is_missing(self) -> None:
        context = ToolContext.from_data({}, agent_id="a", session_id="s", tool_name="t")

        assert (context.agent_id, context.session_id, context.context.session_id, context.tool_name) == (
            "a", "s", "s", "t",
        )  # fmt: skip

    def test_a_context_survives_the_way_through_a_message(self) -> None:
        data = {"session_id": "s", "original_config": {"a": 1}, "session_context": {"b": 2}, "agent_id": "x"}
        context = ToolContext.from_data(data)

        sent = json.loads(json.dumps(context_data_of(context)))

        assert ToolContext.from_data(sent) == context
        assert set(sent) == {"context_wrapper"}

    def test_a_context_of_another_kind_gives_nulls(self) -> None:
        assert context_data_of(None)["context_wrapper"]["agent_id"] is None


class TestModes:
    def test_every_tool_can_run_in_async_mode_unless_it_says_why_not(self) -> None:
        class Bound(AddTool):
            async_refusal: ClassVar[str | None] = "it holds a device"

        assert async_refusal_of(Bound()) == "it holds a device"
        assert async_refusal_of(AddTool) is None
        assert AddTool().supports_async_execution()
        assert FunctionKind().supports_async_execution()
        assert async_refusal_of(object()) is None

    async def test_an_async_tool_tells_its_defaults_for_async_mode(self) -> None:
        class Urgent(AsyncTool):
            def get_tool(self) -> Any:
                return FunctionKind().get_tool()

            def get_async_metadata(self) -> dict[str, Any]:
                return {**super().get_async_metadata(), "priority": 1}

        tool = Urgent("urgent", "d", Sum)

        assert tool.get_async_metadata() == {"priority": 1, "timeout": 600, "max_retries": 3, "retry_delay": 2}
        assert tool.get_async_tool().name == "function"
        assert json.loads(await run_tool(tool, {"a": 1}))["args"] == {"a": 1}
