"""Runs: handoffs, budgets, limits, steering, sessions, long runs, MCP servers, knowledge, async tools."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal import GnosariClient, JobExpired, JobFailed, Settings
from gnosari_temporal.agents import AgentMessage, parse_team
from gnosari_temporal.agents.sessions import SESSION_QUERY
from gnosari_temporal.agents.signals import RUN_QUERY
from gnosari_temporal.client.tree import JobTree

MCP_SERVER = Path(__file__).with_name("mcp_server.py")


def delegate(to: str, message: str, **more: Any) -> dict[str, Any]:
    return {"tool": "delegate_agent", "args": {"target_agent": to, "message": message, **more}}


async def test_a_handoff_lets_the_other_agent_answer(scripted: Any, run: Any) -> None:
    # given
    team = scripted(
        {"Reception": [{"calls": [{"tool": "transfer_to_Billing"}, {"tool": "transfer_to_Support"}]}],
         "Billing": [{"text": "billing: {{results}}"}]},
        agents=[
            {"name": "Reception", "instructions": "R",
             "can_transfer_to": [{"agent": "Billing", "instructions": "For invoices"}, "Support"]},
            {"name": "Billing", "instructions": "B"}, {"name": "Support", "instructions": "S"},
        ],
    )  # fmt: skip

    # when
    result = await (await run(team)).result(20)

    # then
    assert result["agent"] == "Billing"
    assert result["answer"] == "billing: Transferred to Billing.\nNot transferred: one at a time."
    assert result["turns"] == 2


async def test_a_token_budget_stops_a_run_and_says_so(scripted: Any, run: Any) -> None:
    # given a run whose delegation uses up what is left
    team = scripted(
        {"Manager": [{"calls": [delegate("Writer", "x")], "input_tokens": 60, "output_tokens": 10}],
         "Writer": [{"calls": [{"tool": "no"}], "times": 9, "input_tokens": 20, "output_tokens": 10}]},
        config={"max_tokens_total": 100},
        agents=[{"name": "Manager", "instructions": "M", "delegation": ["Writer"]},
                {"name": "Writer", "instructions": "W"}],
    )  # fmt: skip

    # when
    job = await run(team)
    with pytest.raises(JobFailed) as caught:
        await job.result(20)

    # then it stopped at the first call that went over it
    assert caught.value.exception_type == "BudgetExceeded"
    assert "max_tokens_total 100" in caught.value.exception_message
    total = caught.value.details[0]["total"]
    assert total["input_tokens"] + total["output_tokens"] == 100


async def test_a_money_budget_stops_a_run(scripted: Any, run: Any, tmp_path: Path) -> None:
    model = f"scripted:{tmp_path / 'script.yaml'}"
    team = scripted(
        {"A": [{"calls": [{"tool": "no"}], "times": 9, "input_tokens": 1_000_000, "output_tokens": 0}]},
        config={"max_cost": 5, "prices": {model: {"input": 2, "output": 1}}},
        agents=[{"name": "A", "instructions": "A"}],
    )

    with pytest.raises(JobFailed, match=r"BudgetExceeded: \$6.0000 are spent of max_cost \$5.0000"):
        await (await run(team)).result(20)


async def test_a_run_is_stopped_at_its_time_limit(scripted: Any, run: Any, gnosari_client: GnosariClient) -> None:
    # given
    team = scripted(
        {"A": [{"calls": [delegate("B", "x")]}], "B": [{"text": "late", "takes": "60s"}]},
        config={"timeout": "1s"},
        agents=[{"name": "A", "instructions": "A", "delegation": ["B"]}, {"name": "B", "instructions": "B"}],
    )

    # when
    job = await run(team)
    with pytest.raises(JobFailed, match="RunTimedOut"):
        await job.result(20)

    # then so is whom it waited for
    async with asyncio.timeout(20):
        while not (await gnosari_client.job(f"{job.id}.B-1").status()).state.ended:
            await asyncio.sleep(0.05)


async def test_a_conversation_that_grows_too_long_fails_the_run_and_says_so(scripted: Any, run: Any) -> None:
    team = scripted({"A": [{"text": "never"}]}, agents=[{"name": "A", "instructions": "A"}])

    with pytest.raises(JobFailed, match="ConversationTooLong: the conversation of A is"):
        await (await run(team, "x" * 1_200_000)).result(20)


async def test_a_run_that_was_not_started_in_time_never_runs(
    scripted: Any, team_worker: Any, gnosari_client: GnosariClient
) -> None:
    # given a run that nobody takes before its expiry
    team = scripted({"A": [{"text": "too late"}]}, agents=[{"name": "A", "instructions": "A"}])
    job = await gnosari_client.send(AgentMessage(team=team, message="x"), expires=0.2)
    await asyncio.sleep(0.3)

    # when
    await team_worker(team)

    # then
    with pytest.raises(JobExpired):
        await job.result(20)
    assert (await job.status()).state == "EXPIRED"


async def test_a_message_of_a_person_is_before_the_agent_at_its_next_turn(scripted: Any, run: Any) -> None:
    # given an agent at its first turn
    team = scripted({"A": [{"text": "first", "takes": "2s"}, {"text": "{{results}}"}]}, agents=[{"name": "A"}])
    job = await run(team)
    await until_model_called(job)

    # when
    await job.steer("write about the moon instead")

    # then it gets another turn, although it had answered
    answer = (await job.result(20))["answer"]
    assert answer.endswith("write about the moon instead")


async def test_a_conversation_goes_on_over_three_runs_of_a_session(
    scripted: Any, run: Any, gnosari_client: GnosariClient, team_settings: Settings, model_server: Any
) -> None:
    # given
    from .agents_http import Reply
    from .test_models import TEAM, with_model

    server = model_server(lambda call: Reply(f"seen {len(call.body['messages'])}"))
    team = parse_team(TEAM).team

    # when
    first = await run(team, "one", session_id="s/1", worker=with_model(team_settings, server))
    answers = [(await first.result(60))["answer"]]
    for text in ("two", "three"):
        job = await gnosari_client.send(AgentMessage(team=team, message=text, session_id="s/1"))
        answers.append((await job.result(30))["answer"])

    # then
    assert answers == ["seen 2", "seen 4", "seen 6"]
    said = [message["content"] for message in server.calls[-1].body["messages"]]
    assert said[1:] == ["one", "seen 2", "two", "seen 4", "three"]
    session = gnosari_client.job("SessionMessage/Help/s/1")
    assert len(await session.workflow.query(SESSION_QUERY)) == 6
    await session.terminate()


async def test_two_runs_of_one_session_are_queued_and_one_that_dies_does_not_hold_it(
    scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given a run that holds the session, and two that wait
    team = scripted({"A": [{"text": "{{input}}", "takes": "1500ms"}]}, agents=[{"name": "A", "instructions": "A"}])
    first = await run(team, "first", session_id="shared")
    await until_model_called(first)
    second, third = [
        await gnosari_client.send(AgentMessage(team=team, message=text, session_id="shared")) for text in ("2", "3")
    ]

    # when the first is ended without a word, and the third no longer wants it
    await first.terminate()
    await third.cancel()

    # then
    assert (await second.result(40))["answer"] == "2"
    with pytest.raises(Exception, match="cancelled"):
        await third.result(20)
    items = await gnosari_client.job("SessionMessage/Test team/shared").workflow.query(SESSION_QUERY)
    assert [item["content"] for item in items if item.get("role") == "user"] == ["2"]
    await gnosari_client.job("SessionMessage/Test team/shared").terminate()


async def test_a_long_run_continues_as_new_with_all_that_it_knows(
    scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given an agent with many turns, a task that outlives a run of it, and a session
    team = scripted(
        {"A": [{"calls": [delegate("B", "x")]}, {"calls": [{"tool": "no"}], "times": 30, "takes": "50ms"},
               {"calls": [{"tool": "collect_tasks"}]}, {"text": "end: {{results}}"}],
         "B": [{"text": "from {{input}}", "takes": "3s"}]},
        agents=[{"name": "A", "instructions": "A", "delegation": [{"agent": "B", "mode": "async"}]},
                {"name": "B", "instructions": "B"}],
    )  # fmt: skip

    # when
    job = await run(team, history_limit=60, session_id="long", options={"priority": 4, "fairness_key": "k"})
    result = await job.result(60)

    # then
    description = await gnosari_client.job(job.id).workflow.describe()
    assert description.raw_description.workflow_execution_info.first_run_id != description.run_id
    assert result["turns"] == 33
    assert result["total"]["requests"] == 34
    assert "t1 (B): from x" in result["answer"] or any("from x" in str(i) for i in await session_items(gnosari_client))
    # and what the job was sent with is still there
    info = description.raw_description.workflow_execution_info
    assert (info.priority.priority_key, info.priority.fairness_key) == (4, "k")
    assert (await job.status()).priority == 4
    assert [key.name for key in (p.key for p in description.typed_search_attributes)].count("GnosariTeam") == 1
    tree = await JobTree(gnosari_client.temporal, job.id).read()
    assert sum(node.kind == "model" for node in tree.children) == 33
    assert tree.label == "A: the sea"
    await gnosari_client.job("SessionMessage/Test team/long").terminate()


async def session_items(client: GnosariClient) -> list[Any]:
    return list(await client.job("SessionMessage/Test team/long").workflow.query(SESSION_QUERY))


async def test_a_task_whose_run_dies_without_a_word_is_noticed_after_continue_as_new(
    scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given a task that an agent sent off before it continued as new
    team = scripted(
        {"A": [{"calls": [delegate("B", "x")]}, {"calls": [{"tool": "no"}], "times": 12},
               {"text": "waiting"}, {"text": "end: {{results}}"}],
         "B": [{"text": "never", "takes": "100s"}]},
        agents=[{"name": "A", "instructions": "A", "delegation": [{"agent": "B", "mode": "async"}]},
                {"name": "B", "instructions": "B"}],
    )  # fmt: skip
    job = await run(team, history_limit=40)
    here = gnosari_client.job(job.id).workflow
    async with asyncio.timeout(30):
        while (await here.query(RUN_QUERY))["turns"] < 14:
            await asyncio.sleep(0.1)
    assert (await here.describe()).run_id != job.run_id

    # when
    await gnosari_client.job(f"{job.id}.B-1").terminate("gone")

    # then
    assert "t1 (B) cancelled: terminated" in (await job.result(60))["answer"]


@pytest.fixture
def mcp_url() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(MCP_SERVER), str(port)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    process.terminate()
    process.wait()


async def test_an_agent_calls_the_tools_of_mcp_servers(
    scripted: Any, run: Any, mcp_url: str, team_settings: Settings
) -> None:
    # given one server that runs, and one that is started for each call with a secret
    environ = {**team_settings.environ, "MCP_SECRET": "hush-hush-hush"}
    team = scripted(
        {"A": [{"calls": [{"tool": "add", "args": {"a": 2, "b": 3}}, {"tool": "local_add", "args": {"a": 4, "b": 5}},
                          {"tool": "local_secret"}, {"tool": "fail"}]},
               {"text": "{{results}}"}]},
        mcp_servers=[
            {"name": "remote", "url": mcp_url, "headers": {"Authorization": "Bearer ${MCP_SECRET}"}},
            {"name": "local", "command": sys.executable, "args": [str(MCP_SERVER)], "env": {"SECRET": "${MCP_SECRET}"}},
        ],
        agents=[{"name": "A", "instructions": "A", "mcp_servers": ["remote", "local"]}],
    )  # fmt: skip

    # when
    job = await run(team, worker={"settings": team_settings.model_copy(update={"environ": environ})})
    result = await job.result(60)

    # then
    lines = result["answer"].split("\n")
    assert lines[:3] == ["5", "9", "length 14"]
    assert lines[3].startswith("Error: ")
    assert "hush-hush" not in (await job.workflow.fetch_history()).to_json()


async def test_an_agent_searches_the_teams_knowledge(scripted: Any, run: Any, tmp_path: Path) -> None:
    # given
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "leave.md").write_text("# Leave\n\nEverybody has thirty days of leave.")
    team = scripted(
        {"A": [{"calls": [{"tool": "knowledge_query", "args": {"query": "leave"}},
                          {"tool": "knowledge_query", "args": {"query": "password", "knowledge_name": "faq"}}]},
               {"text": "{{results}}"}]},
        knowledge=[
            {"id": "handbook", "name": "Handbook", "type": "directory", "data": str(tmp_path / "handbook")},
            {"name": "faq", "type": "text", "data": ["How do I reset my password? With the link."]},
        ],
        agents=[{"name": "A", "instructions": "A", "knowledge": ["handbook", "faq"]}],
    )  # fmt: skip

    # when
    answer = (await (await run(team)).result(20))["answer"]

    # then
    assert "thirty days" in answer
    assert "With the link" in answer


async def test_async_tools_give_tickets_and_their_results_come_back(
    scripted: Any, run: Any, tmp_path: Path, gnosari_client: GnosariClient
) -> None:
    # given one tool that is async by the team file, one by the call, with a priority
    module, args = "gnosari.tools.builtin.file_operations", {"base_directory": str(tmp_path)}
    kind = {"module": module, "class": "FileOperationsTool", "args": args}
    write = {"operation": "write", "file_path": "a.txt", "content": "hello"}
    team = scripted(
        {"A": [{"calls": [{"tool": "slow_files", "args": write},
                          {"tool": "files", "args": {**write, "file_path": "b.txt", "execution_mode": "async",
                                                     "async_priority": 2}}]},
               {"text": "wait"}, {"text": "{{results}}"}]},
        tools=[{"name": "slow_files", "mode": "async", "priority": 7, **kind}, {"name": "files", **kind}],
        agents=[{"name": "A", "instructions": "A", "tools": ["slow_files", "files"]}],
    )  # fmt: skip

    # when
    job = await run(team)
    answer = (await job.result(20))["answer"]

    # then
    assert "t1 (slow_files): " in answer
    assert "t2 (files): " in answer
    assert (tmp_path / "b.txt").read_text() == "hello"
    jobs = {j.type + str(j.priority): j async for j in gnosari_client.jobs(type="ToolExecutionMessage")}
    assert {"ToolExecutionMessage7", "ToolExecutionMessage2"} <= set(jobs)


async def until_model_called(job: Any) -> None:
    async with asyncio.timeout(20):
        while not any(
            pending.activity_type.name == "ModelCallConsumer"
            for pending in (await job.workflow.describe()).raw_description.pending_activities
        ):
            await asyncio.sleep(0.03)
