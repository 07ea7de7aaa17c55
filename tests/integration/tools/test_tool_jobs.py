"""Tool calls in both modes on a real server: tickets, results, retries, refusals."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from calling_workflow import CallingWorkflow
from job_tools import NOTED
from temporalio.api.enums.v1 import EventType

from gnosari_temporal import (
    GnosariClient,
    JobFailed,
    JobNotFound,
    JobState,
    ResultTimeout,
)
from gnosari_temporal.client import TeamTools, ToolTicket
from gnosari_temporal.errors import MessageConflict, TeamError, ToolError, ToolInputError
from gnosari_temporal.tools.messages import ToolExecutionMessage

TEAM = """
name: Calculators
tools:
  - {name: square, module: job_tools, class: SquareTool}
  - {name: always_async, module: job_tools, class: SquareTool, mode: async, priority: 2}
  - {name: always_sync, module: job_tools, class: SquareTool, mode: sync}
  - {name: bound, module: job_tools, class: BoundTool}
  - {name: own_mode, module: job_tools, class: OwnModeTool}
  - {name: who, module: job_tools, class: WhoTool}
  - {name: who_async, module: job_tools, class: WhoAsyncTool}
  - name: flaky
    module: job_tools
    class: FlakyTool
    retry: {max_retries: 3, initial_interval: 300ms}
  - name: broken
    module: job_tools
    class: BrokenTool
    retry: {max_retries: 2, initial_interval: 20ms, non_retryable: [KeyError]}
  - name: slow
    module: job_tools
    class: SlowTool
    timeout: 200ms
    retry: {max_retries: 1, initial_interval: 20ms}
"""


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def attempts(key: str) -> list[int]:
    return [noted.call.attempt for noted in NOTED.get(key, []) if noted.call is not None]


async def starts_of(client: GnosariClient, job: str) -> list[int]:
    """The attempt numbers with which the server's history says that an activity was started last."""
    history = await client.temporal.get_workflow_handle(job).fetch_history()
    return [
        event.activity_task_started_event_attributes.attempt
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    ]


async def test_a_sync_call_runs_here_and_gives_the_result(key: str) -> None:
    # given tools without a client
    from gnosari_temporal.agents import parse_team

    tools = TeamTools(parse_team(TEAM).team, session_id="s-1")

    # when
    answer = await tools.call("square", {"key": key, "number": 7})

    # then
    assert not isinstance(answer, ToolTicket)
    assert (answer["status"], answer["result"]) == ("completed", {"number": 7, "square": 49})
    assert (answer["tool_name"], answer["session_id"]) == ("square", "s-1")
    assert set(answer) == {
        "task_id", "tool_name", "status", "result", "agent_id", "session_id", "context_data", "processed_at",
    }  # fmt: skip
    with pytest.raises(ToolError, match="runs on a worker here: give TeamTools a client"):
        await tools.call("square", {"key": key}, mode="async")


async def test_an_async_call_gives_a_ticket_at_once_and_the_worker_makes_it(
    serve_team: Any, gnosari_client: GnosariClient, gnosari_blocking: ModuleType, gnosari_queue: str, key: str
) -> None:
    # given
    tools = await serve_team(TEAM)

    # when
    ticket = await tools.call("always_async", {"key": key, "number": 3})
    result = await gnosari_client.tool_result(ticket.task_id, 20)
    same = await asyncio.to_thread(gnosari_blocking.tool_result, ticket.task_id, 20)

    # then
    assert ticket.job_id == f"ToolExecutionMessage/{ticket.task_id}"
    assert (ticket.message_id, ticket.queue, ticket.priority) == (ticket.task_id, gnosari_queue, 2)
    assert (ticket.status, ticket.tool_name, ticket.web_ui) == ("queued", "always_async", None)
    assert (result["status"], result["result"]) == ("completed", {"number": 3, "square": 9})
    assert same == result
    assert (result["agent_id"], result["session_id"], result["task_id"]) == ("Tester", "s-1", ticket.task_id)
    status = await gnosari_client.job(ticket.job_id).status()
    assert (status.state, status.priority, status.summary) == (JobState.SUCCEEDED, 2, "always_async 3")


async def test_a_tool_job_can_be_found_by_tool_agent_session_and_what_it_says(
    serve_team: Any, gnosari_client: GnosariClient, key: str, until: Any
) -> None:
    tools = await serve_team(TEAM)
    tools.session_id = key

    ticket = await tools.call("always_async", {"key": key})

    query = (
        f'GnosariTool = "always_async" AND GnosariAgent = "Tester" AND GnosariSession = "{key}"'
        ' AND GnosariSummary STARTS_WITH "always_async"'
    )

    async def found() -> list[str]:
        return [execution.id async for execution in gnosari_client.temporal.list_workflows(query)]

    assert await until(found) == [ticket.job_id]


async def test_the_caller_chooses_the_mode_where_the_team_file_leaves_it_open(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    # given
    tools = await serve_team(TEAM)

    # when
    ticket = await tools.call("square", {"key": key, "execution_mode": "async", "async_priority": 3})
    result = await gnosari_client.tool_result(ticket.task_id, 20)
    sync = await tools.call("square", {"key": key, "execution_mode": "sync", "async_priority": 3})

    # then the tool saw neither
    assert ticket.priority == 3
    assert result["status"] == sync["status"] == "completed"
    assert [noted.arguments for noted in NOTED[key]] == [{"key": key, "number": 0, "text": ""}] * 2


async def test_a_written_mode_is_fixed(serve_team: Any, key: str) -> None:
    tools = await serve_team(TEAM)

    assert isinstance(await tools.call("always_async", {"key": key, "execution_mode": "sync"}), ToolTicket)
    assert not isinstance(await tools.call("always_sync", {"key": key, "execution_mode": "async"}), ToolTicket)
    with pytest.raises(ToolError, match="always_async is always async: the team file says so"):
        await tools.call("always_async", {"key": key}, mode="sync")


async def test_priority_and_queue_are_those_of_async_calls(serve_team: Any, key: str) -> None:
    tools = await serve_team(TEAM)

    for option in ({"priority": 2}, {"queue": "other"}):
        with pytest.raises(ToolError, match="square is called in sync mode: priority and queue are those of async"):
            await tools.call("square", {"key": key}, **option)
    with pytest.raises(ToolInputError, match="execution_mode: 'asinc' is no mode"):
        await tools.call("square", {"key": key}, mode="asinc")


async def test_the_choice_is_described_in_the_schema_where_there_is_one(serve_team: Any) -> None:
    tools = await serve_team(TEAM)

    free, fixed = tools.describe("square"), tools.describe("always_async")
    bound, own = tools.describe("bound"), tools.describe("own_mode")

    assert free.parameters["properties"]["execution_mode"]["enum"] == ["sync", "async"]
    assert free.parameters["properties"]["async_priority"]["maximum"] == 10
    assert {"execution_mode", "async_priority"}.isdisjoint(fixed.parameters["properties"])
    assert {"execution_mode", "async_priority"}.isdisjoint(bound.parameters["properties"])
    assert own.parameters["properties"]["execution_mode"] == {"type": "string"}
    assert (await tools.run("own_mode", {"execution_mode": "mine"}))["result"] == {"execution_mode": "mine"}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"execution_mode": "asink"}, "execution_mode: 'asink' is no mode, did you mean 'async'?"),
        ({"execution_mode": "async", "async_priority": 11}, "async_priority: 11 is no whole number from 1 to 10"),
        ({"number": "many"}, "number: Input should be a valid integer"),
        ({"number": -1, "execution_mode": "async"}, "number: Input should be greater than or equal to 0"),
        ({"numbr": 1, "execution_mode": "async"}, "numbr: unknown argument, did you mean 'number'"),
        ('{"key": ', "the arguments are no JSON"),
    ],
)
async def test_a_bad_argument_is_refused_where_the_call_is_made(
    serve_team: Any, key: str, arguments: Any, field: str
) -> None:
    tools = await serve_team(TEAM)

    with pytest.raises(ToolInputError, match=field.replace("?", r"\?")):
        await tools.call("square", {"key": key, **arguments} if isinstance(arguments, dict) else arguments)
    assert key not in NOTED


async def test_a_bad_argument_that_reaches_the_worker_fails_the_job_at_once(
    serve_team: Any, gnosari_client: GnosariClient
) -> None:
    # given a message that nobody checked
    await serve_team(TEAM)
    message = ToolExecutionMessage(
        tool_name="square", tool_module="job_tools", tool_class="SquareTool", tool_args='{"number": "many"}'
    )

    # when
    job = await gnosari_client.send(message)
    with pytest.raises(JobFailed) as failure:
        await job.result(20)
    result = await gnosari_client.tool_result(message.task_id)

    # then
    assert (failure.value.attempts, failure.value.exception_type) == (1, "ToolInputError")
    assert result["status"] == "error"
    assert "number: Input should be a valid integer" in result["error"]
    assert "result" not in result


async def test_a_tool_that_fails_twice_and_then_works_succeeds_at_attempt_3(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    # given
    tools = await serve_team(TEAM)

    # when
    ticket = await tools.call("flaky", {"key": key}, mode="async")
    result = await gnosari_client.tool_result(ticket.task_id, 20)

    # then the caller saw no error, and the waits grew
    assert (result["status"], result["result"]) == ("completed", "answered at attempt 3")
    assert attempts(key) == [1, 2, 3]
    assert await starts_of(gnosari_client, ticket.job_id) == [3]
    first, second, third = (noted.at for noted in NOTED[key])
    assert second - first >= 0.3
    assert third - second >= 0.6
    assert len({noted.call.idempotency_key for noted in NOTED[key] if noted.call}) == 1


async def test_a_sync_call_has_the_same_retries(serve_team: Any, key: str) -> None:
    tools = await serve_team(TEAM)

    result = await tools.call("flaky", {"key": key})

    assert (result["status"], result["result"]) == ("completed", "answered at attempt 3")
    assert attempts(key) == [1, 2, 3]
    assert len({noted.call.idempotency_key for noted in NOTED[key] if noted.call}) == 1


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("exception", "count"), [("OSError", 3), ("ValueError", 1), ("AttributeError", 1), ("KeyError", 1)]
)
async def test_only_after_the_last_attempt_the_caller_sees_an_error(
    serve_team: Any, key: str, mode: Any, exception: str, count: int
) -> None:
    tools = await serve_team(TEAM)

    result = await tools.run("broken", {"key": key, "text": exception}, mode=mode, timeout=20)

    said = "'it broke'" if exception == "KeyError" else "it broke"
    assert (result["status"], result["error"]) == ("error", f"{exception}: {said}")
    assert (result["tool_name"], result["session_id"], result["agent_id"]) == ("broken", "s-1", "Tester")
    assert attempts(key) == list(range(1, count + 1))


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_the_timeout_of_the_team_file_ends_an_attempt(serve_team: Any, key: str, mode: Any) -> None:
    tools = await serve_team(TEAM)

    result = await tools.run("slow", {"key": key}, mode=mode, timeout=20)

    assert result["status"] == "error"
    assert "took longer than its timeout of 200ms" in result["error"]
    assert attempts(key) == [1, 2]


async def test_a_tool_bound_to_one_process_is_refused_in_async_mode(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    # given
    tools = await serve_team(TEAM)
    reason = "it talks to a program that this process started"
    message = ToolExecutionMessage(
        tool_name="bound", tool_module="job_tools", tool_class="BoundTool", tool_args=f'{{"key": "{key}"}}'
    )

    # when, then
    with pytest.raises(ToolError, match=f"bound cannot run in async mode: {reason}"):
        await tools.call("bound", {"key": key}, mode="async")
    await gnosari_client.send(message)
    result = await gnosari_client.tool_result(message.task_id, 20)
    assert result["error"] == f"ToolDefinitionError: bound cannot run in async mode: {reason}"
    assert key not in NOTED
    assert (await tools.call("bound", {"key": key}))["result"] == "here"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("marker_of_the_forbidden", "Tool"),
        ("job_tools.os", "Tool"),
        ("gnosari_temporal.tools.loading", "load_class"),
        ("gnosari_temporal.tools.builtin.bash_operations.os", "system"),
        ("../marker_of_the_forbidden", "Tool"),
    ],
)
async def test_what_is_not_allowed_is_refused_and_nothing_is_imported(
    serve_team: Any,
    gnosari_client: GnosariClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    name: str,
) -> None:
    # given a module that would leave a mark
    (tmp_path / "marker_of_the_forbidden.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\nclass Tool: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    await serve_team(TEAM)
    message = ToolExecutionMessage(
        tool_name="evil", tool_module=module, tool_class=name, tool_args='{"command": "touch mark"}'
    )

    # when
    job = await gnosari_client.send(message)
    with pytest.raises(JobFailed) as failure:
        await job.result(20)

    # then
    assert failure.value.attempts == 1
    assert failure.value.exception_type in ("ToolNotAllowed", "ToolDefinitionError")
    if failure.value.exception_type == "ToolNotAllowed":
        assert "[tools] allow = [" in failure.value.exception_message
    assert "marker_of_the_forbidden" not in sys.modules
    assert not (tmp_path / "mark").exists()


async def test_300_async_calls_have_300_idempotency_keys_and_results_that_match(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    # given
    tools = await serve_team(TEAM, changes={"concurrency": 20})

    # when
    tickets = await asyncio.gather(
        *(tools.call("square", {"key": f"{key}-{n}", "number": n}, mode="async") for n in range(300))
    )
    results = await asyncio.gather(*(gnosari_client.tool_result(ticket.task_id, 100) for ticket in tickets))

    # then
    effects = [noted for n in range(300) for noted in NOTED[f"{key}-{n}"]]
    assert len(effects) == 300
    assert len({noted.call.idempotency_key for noted in effects if noted.call}) == 300
    assert [result["result"] for result in results] == [{"number": n, "square": n * n} for n in range(300)]
    assert [result["task_id"] for result in results] == [ticket.task_id for ticket in tickets]


async def test_a_task_id_is_one_call(serve_team: Any, gnosari_client: GnosariClient, key: str) -> None:
    # given
    tools = await serve_team(TEAM)

    # when
    first = await tools.call("always_async", {"key": key}, task_id=key)
    second = await tools.call("always_async", {"key": key}, task_id=key)
    await gnosari_client.tool_result(key, 20)

    # then
    assert first == second
    assert attempts(key) == [1]
    with pytest.raises(MessageConflict):
        await tools.call("always_async", {"key": key, "number": 1}, task_id=key)


async def test_the_document_s_message_is_known_by_its_task(serve_team: Any, gnosari_client: GnosariClient) -> None:
    # given the message as the document has it, and where it writes
    await serve_team(TEAM)
    task = uuid.uuid4().hex
    message = ToolExecutionMessage.from_dict(
        {
            "task_id": task,
            "tool_name": "file_operations",
            "tool_module": "gnosari.tools.builtin.file_operations",
            "tool_class": "FileOperationsTool",
            "tool_init_args": {"base_directory": "./workspace"},
            "tool_args": '{"operation": "exists", "file_path": "test.txt"}',
            "priority": 5,
        }
    )

    # when
    job = await gnosari_client.send(message)
    result = await gnosari_client.tool_result(task, 20)

    # then
    assert job.id == f"ToolExecutionMessage/{task}"
    assert message.job_summary() == "file_operations exists test.txt"
    assert result["result"]["exists"] is False
    assert await gnosari_client.tool_result(job.id) == result


async def test_a_call_that_is_not_finished_goes_on_and_one_that_was_cancelled_is_an_error(
    serve_team: Any, gnosari_client: GnosariClient, key: str, until: Any
) -> None:
    # given
    tools = await serve_team(TEAM.replace("timeout: 200ms", "timeout: 1m"))
    ticket = await tools.call("slow", {"key": key}, mode="async")

    # when, then
    with pytest.raises(ResultTimeout):
        await gnosari_client.tool_result(ticket.task_id, 0.2)

    async def noted() -> bool:
        return key in NOTED

    await until(noted)
    await gnosari_client.job(ticket.job_id).cancel()
    result = await gnosari_client.tool_result(ticket.task_id, 20)
    assert result["status"] == "error"
    assert "was cancelled" in result["error"]
    assert result["session_id"] == "s-1"
    with pytest.raises(JobNotFound, match="no tool call with task id 'nothing'"):
        await gnosari_client.tool_result("nothing")


async def test_both_kinds_of_tools_run_in_both_modes_with_their_context(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    # given
    tools = await serve_team(TEAM)
    context = {
        "context_wrapper": {
            "context": {"original_config": {"name": "x"}, "session_id": "s-9", "session_context": {"user": 1}},
            "agent_id": "Other",
        }
    }

    # when
    here = await tools.run("who", {"key": key}, mode="sync", context_data=context)
    there = await tools.run("who", {"key": key}, mode="async", context_data=context, timeout=20)
    default = await tools.run("who", {"key": key}, mode="async", timeout=20)

    # then
    assert here["result"] == there["result"]
    assert there["result"]["session"] == "s-9"
    assert there["result"]["session_context"] == {"user": 1}
    assert there["result"]["config"] == {"name": "x"}
    assert there["result"]["agent"] == "Other"
    assert there["context_data"] == context
    assert default["result"]["session"] == "s-1"
    assert default["result"]["session_context"] == {"team": "Calculators"}


async def test_an_async_tool_says_how_its_jobs_run_where_the_team_file_does_not(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    # given
    tools = await serve_team(TEAM)

    # when
    here = await tools.call("who_async", {"key": key}, mode="sync")
    ticket = await tools.call("who_async", {"key": key}, mode="async")
    there = await gnosari_client.tool_result(ticket.task_id, 20)

    # then
    assert (here["result"]["mode"], there["result"]["mode"]) == ("sync", "async")
    memo = await (await gnosari_client.temporal.get_workflow_handle(ticket.job_id).describe()).memo()
    options = memo["gnosari"]
    assert (options["priority"], ticket.priority) == (7, 7)
    assert options["timeout"] == "42s"
    assert (options["retry"]["maximum_attempts"], options["retry"]["initial_interval"]) == (2, "3s")


async def test_a_tool_that_is_missing_here_is_left_to_the_workers(
    serve_team: Any, gnosari_client: GnosariClient
) -> None:
    """Senders need neither the tool's module nor its variables; the worker refuses what nobody has."""
    tools = await serve_team(
        "tools:\n"
        "  - {name: elsewhere, module: not_here.at_all, class: Tool, mode: async}\n"
        "  - {name: needs, module: job_tools, class: EchoTool, args: {token: '${NOT_SET_HERE}'}}\n"
    )

    ticket = await tools.call("elsewhere", {"any": 1})
    unset = await tools.run("needs", {"key": "k"}, mode="async", timeout=20)

    elsewhere = await gnosari_client.tool_result(ticket.task_id, 20)
    assert elsewhere["error"] == "ToolDefinitionError: there is no tool module not_here.at_all"
    assert unset["error"].startswith("SettingsError: ${NOT_SET_HERE} is not set")
    with pytest.raises(TeamError, match="no tool 'squre'"):
        await tools.call("squre")


async def test_a_workflow_calls_tools_as_awaited_activities_or_as_children(
    gnosari_client: GnosariClient, gnosari_worker: Any, gnosari_queue: str, key: str
) -> None:
    # given
    from gnosari_temporal import Application

    application = Application.build(workflows=[CallingWorkflow])
    application.add_tools()
    settings = gnosari_client.settings
    allowing = settings.model_copy(update={"tools": settings.tools.model_copy(update={"allow": ("job_tools",)})})
    await gnosari_worker(application, settings=allowing)

    # when
    found = await gnosari_client.temporal.execute_workflow(
        CallingWorkflow.run, key, id=f"calling-{key}", task_queue=gnosari_queue
    )

    # then
    assert found[0] == found[2] == {"number": 4, "square": 16}
    assert found[1].startswith(f"ToolExecutionMessage/calling-{key}.")
    assert len({noted.call.idempotency_key for noted in NOTED[key] if noted.call}) == 2
