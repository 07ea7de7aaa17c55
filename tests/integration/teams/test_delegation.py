"""Delegation: child workflows, awaited or sent off, and the inbox of who sent them off."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gnosari_temporal import GnosariClient, JobFailed
from gnosari_temporal.agents import AgentRunView
from gnosari_temporal.agents.signals import RUN_QUERY
from gnosari_temporal.client.tree import JobTree
from gnosari_temporal.tools.messages import ToolExecutionMessage

WRITER = {"name": "Writer", "instructions": "Write."}


def delegate(to: str, message: str, **more: Any) -> dict[str, Any]:
    return {"tool": "delegate_agent", "args": {"target_agent": to, "message": message, **more}}


async def test_the_answer_of_a_delegation_is_the_result_of_the_tool(
    scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given
    team = scripted(
        {"Manager": [{"calls": [delegate("Writer", "a poem on {{input}}")]}, {"text": "got: {{results}}"}],
         "Writer": [{"text": "roses, {{input}}"}]},
        agents=[{"name": "Manager", "instructions": "Manage.", "delegation": ["Writer"]}, WRITER],
    )  # fmt: skip

    # when
    job = await run(team, options={"priority": 2, "fairness_key": "tenant"}, session_id=None)
    result = await job.result(20)

    # then
    assert result["answer"] == "got: roses, a poem on the sea"
    assert result["total"]["requests"] == 3
    assert result["usage"]["requests"] == 2
    child = await gnosari_client.job(f"{job.id}.Writer-1").workflow.describe()
    assert child.parent_id == job.id
    assert child.raw_description.workflow_execution_info.priority.priority_key == 2
    assert child.raw_description.workflow_execution_info.priority.fairness_key == "tenant"
    attributes = {key.name: value for key, value in ((p.key, p.value) for p in child.typed_search_attributes)}
    assert (attributes["GnosariTeam"], attributes["GnosariAgent"]) == ("Test team", "Writer")


async def test_three_writers_work_side_by_side_and_their_results_come_back(
    scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given writers who take 3 s each
    names = ["One", "Two", "Three"]
    team = scripted(
        {"Manager": [{"calls": [delegate(name, "{{input}}") for name in names]}, {"text": "they are at it"},
                     {"text": "all: {{results}}"}],
         **{name: [{"text": f"{name} on {{{{input}}}}", "takes": "3s"}] for name in names}},
        agents=[
            {"name": "Manager", "instructions": "M", "delegation": [{"agent": n, "mode": "async"} for n in names]},
            *({"name": name, "instructions": "Write."} for name in names),
        ],
    )  # fmt: skip

    # when
    began = time.monotonic()
    job = await run(team)
    result = await job.result(30)
    took = time.monotonic() - began

    # then all are in the last turn, in under 6 s
    assert all(f"{name} on the sea" in result["answer"] for name in names)
    assert took < 6
    # and their spans overlap
    tree = await JobTree(gnosari_client.temporal, job.id).read()
    writers = [node for node in tree.children if node.kind == "agent"]
    assert len(writers) == 3
    assert all(node.mode == "async" and node.state == "SUCCEEDED" for node in writers)
    assert max(node.started_at for node in writers) < min(node.ended_at for node in writers)
    assert tree.total().requests == 6


async def test_the_async_delegator_of_the_seed_reaches_every_agent_by_name_or_id(
    scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given an agent without a list, with the delegation tool under a name of its own
    def call(target: str) -> dict[str, Any]:
        return {"tool": "async_delegator", "args": {"target_agent": target, "message": "{{input}}"}}

    team = scripted(
        {"Manager": [{"calls": [call("Writer"), call("ed")]}, {"text": "sent"}, {"text": "{{results}}"}],
         "Writer": [{"text": "written"}], "Editor": [{"text": "edited"}]},
        tools=[{"name": "Async Delegator", "mode": "async", "priority": 1,
                "module": "gnosari.tools.builtin.delegation", "class": "DelegateAgentTool"}],
        agents=[{"name": "Manager", "instructions": "M", "tools": ["Async Delegator"]}, WRITER,
                {"name": "Editor", "id": "ed", "instructions": "E"}],
    )  # fmt: skip

    # when
    job = await run(team)
    answer = (await job.result(20))["answer"]

    # then
    assert "t1 (Writer): written" in answer
    assert "t2 (Editor): edited" in answer
    status = await gnosari_client.job(f"{job.id}.ed-2").status()
    assert (status.parent, status.priority) == (job.id, 1)


async def test_a_failed_delegation_is_a_result_with_its_reason(scripted: Any, run: Any) -> None:
    # given
    team = scripted(
        {"Manager": [{"calls": [delegate("Writer", "x")]}, {"text": "{{results}}"}],
         "Writer": [{"fail": {"status": 400, "message": "no such thing"}}]},
        agents=[{"name": "Manager", "instructions": "Manage.", "delegation": ["Writer"]}, WRITER],
    )  # fmt: skip

    # when
    result = await (await run(team)).result(20)

    # then
    assert "Writer failed: ModelRefused" in result["answer"]
    assert "no such thing" in result["answer"]


async def test_a_failed_run_is_tried_again_by_the_retry_policy_of_its_rule(scripted: Any, run: Any) -> None:
    # given a writer whose run fails
    team = scripted(
        {"Manager": [{"calls": [delegate("Writer", "x")]}, {"text": "{{results}}"}],
         "Writer": [{"calls": [{"tool": "no"}]}]},
        agents=[
            {"name": "Manager", "instructions": "M",
             "delegation": [{"agent": "Writer", "retry": {"maximum_attempts": 2, "initial_interval": "100ms"}}]},
            {**WRITER, "max_turns": 1},
        ],
    )  # fmt: skip

    # when
    result = await (await run(team)).result(20)

    # then
    assert "TurnLimitReached" in result["answer"]
    assert result["total"]["requests"] == 2 + 2


async def test_a_delegation_that_is_not_allowed_is_refused_with_what_is(scripted: Any, run: Any) -> None:
    team = scripted(
        {"Manager": [{"calls": [delegate("Editor", "x"), delegate("Writer", ""), {"tool": "delegate_agnt"}]},
                     {"text": "{{results}}"}]},
        agents=[{"name": "Manager", "instructions": "M", "delegation": ["Writer"]}, WRITER,
                {"name": "Editor", "instructions": "E"}],
    )  # fmt: skip

    result = await (await run(team)).result(20)

    assert "cannot delegate to 'Editor'" in result["answer"]
    assert "needs target_agent" in result["answer"]
    assert "there is no tool 'delegate_agnt'; did you mean 'delegate_agent'?" in result["answer"]


async def test_an_agent_checks_collects_and_cancels_its_tasks(scripted: Any, run: Any) -> None:
    # given one writer who is quick and one who would take a minute
    team = scripted(
        {"Manager": [
            {"calls": [delegate("Quick", "x"), delegate("Slow", "y")]},
            {"calls": [{"tool": "check_tasks"}]},
            {"calls": [{"tool": "collect_tasks", "args": {"wait_for": "any", "tickets": ["t1", "t2"]}}]},
            {"calls": [{"tool": "cancel_task", "args": {"ticket": "t2"}},
                       {"tool": "collect_tasks", "args": {"tickets": ["t9"]}}]},
            {"text": "{{results}}"}],
         "Quick": [{"text": "quick {{input}}", "takes": "300ms"}], "Slow": [{"text": "slow", "takes": "60s"}]},
        agents=[
            {"name": "Manager", "instructions": "M",
             "delegation": [{"agent": "Quick", "mode": "async"}, {"agent": "Slow", "mode": "async"}]},
            {"name": "Quick", "instructions": "Q"}, {"name": "Slow", "instructions": "S"},
        ],
    )  # fmt: skip

    # when
    job = await run(team)
    result = await job.result(30)

    # then
    assert result["outstanding"] == []
    assert "t2 is cancelled." in result["answer"]
    assert "no ticket t9; you have t1, t2" in result["answer"]
    view = AgentRunView.model_validate(await job.workflow.query(RUN_QUERY))
    assert [(task.ticket, task.state, task.delivered) for task in view.tasks] == [
        ("t1", "succeeded", True),
        ("t2", "cancelled", True),
    ]


@pytest.mark.parametrize("action", ["return", "cancel"])
async def test_what_is_outstanding_at_the_end_is_left_or_cancelled(
    action: str, scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given
    team = scripted(
        {"Manager": [{"calls": [delegate("Slow", "y", execution_mode="async")]}, {"text": "done"}],
         "Slow": [{"text": "slow {{input}}", "takes": "1s"}]},
        config={"on_outstanding": action},
        agents=[{"name": "Manager", "instructions": "M", "delegation": ["Slow"]},
                {"name": "Slow", "instructions": "S"}],
    )  # fmt: skip

    # when
    job = await run(team)
    result = await job.result(20)

    # then
    assert result["answer"] == "done"
    child = gnosari_client.job(f"{job.id}.Slow-1")
    if action == "return":
        assert [task["name"] for task in result["outstanding"]] == ["Slow"]
        assert (await child.result(20))["answer"] == "slow y"
    else:
        with pytest.raises(Exception, match="cancelled"):
            await child.result(20)


async def test_cancelling_a_run_cancels_who_it_waits_for_and_not_whom_it_sent_off(
    scripted: Any, run: Any, gnosari_client: GnosariClient
) -> None:
    # given
    team = scripted(
        {"Manager": [{"calls": [delegate("Sync", "x"), delegate("Async", "y")]}],
         "Sync": [{"text": "s", "takes": "60s"}], "Async": [{"text": "a", "takes": "2s"}]},
        agents=[
            {"name": "Manager", "instructions": "M",
             "delegation": [{"agent": "Sync", "mode": "sync"}, {"agent": "Async", "mode": "async"}]},
            {"name": "Sync", "instructions": "S"}, {"name": "Async", "instructions": "A"},
        ],
    )  # fmt: skip
    job = await run(team)
    children = [gnosari_client.job(f"{job.id}.Sync-1"), gnosari_client.job(f"{job.id}.Async-2")]
    for child in children:
        await until_running(child)

    # when
    await job.cancel()

    # then
    with pytest.raises(Exception, match="cancelled"):
        await job.result(20)
    with pytest.raises(Exception, match="cancelled"):
        await children[0].result(20)
    assert (await children[1].result(20))["answer"] == "a"


async def test_delegations_below_one_another_end_at_the_depth_of_the_team(scripted: Any, run: Any) -> None:
    # given agents who could delegate to each other for ever
    team = scripted(
        {"A": [{"calls": [delegate("B", "x")]}, {"text": "A: {{results}}"}],
         "B": [{"calls": [delegate("A", "x")]}, {"text": "B: {{results}}"}]},
        config={"max_depth": 2},
        agents=[{"name": "A", "instructions": "A", "delegation": ["B"]},
                {"name": "B", "instructions": "B", "delegation": ["A"]}],
    )  # fmt: skip

    # when
    result = await (await run(team)).result(20)

    # then
    assert result["answer"].startswith("A: B: A: Error: there is no tool 'delegate_agent'")


async def test_a_run_ends_at_its_turn_limit_and_says_what_it_used(scripted: Any, run: Any) -> None:
    team = scripted(
        {"A": [{"calls": [{"tool": "no"}], "times": 5, "input_tokens": 10, "output_tokens": 1}]},
        agents=[{"name": "A", "instructions": "A", "max_turns": 3}],
    )

    job = await run(team)
    with pytest.raises(JobFailed, match="TurnLimitReached") as caught:
        await job.result(20)

    assert caught.value.details[0]["total"]["input_tokens"] == 30


async def until_running(job: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while (await job.status()).state != "RUNNING":
        assert time.monotonic() < deadline


@pytest.mark.parametrize("by", ["the team file in its context", "the name of a team of the worker"])
async def test_a_tool_message_that_names_the_delegation_tool_becomes_a_run(
    by: str, scripted: Any, team_worker: Any, gnosari_client: GnosariClient, tmp_path: Any
) -> None:
    # given
    team = scripted({"Writer": [{"text": "a poem on {{input}}"}]}, agents=[WRITER])
    await team_worker(team)
    if by.startswith("the team file"):
        config = {"model": f"scripted:{tmp_path / 'script.yaml'}"}
        context: dict[str, Any] = {"original_config": {"name": "Other", "config": config, "agents": [WRITER]}}
    else:
        context = {"session_context": {"team": "Test team"}}

    # when
    job = await gnosari_client.send(
        ToolExecutionMessage(
            tool_name="async_delegator",
            tool_module="gnosari.tools.builtin.delegation",
            tool_class="DelegateAgentTool",
            tool_args='{"target_agent": "Writer", "message": "the sea"}',
            priority=1,
            context_data={"context_wrapper": {"context": context}},
        )
    )
    result = await job.result(20)

    # then
    assert (result["status"], result["result"]) == ("completed", "a poem on the sea")
    child = await gnosari_client.job(f"AgentMessage/{job.id}.2").status()
    assert (child.state, child.parent, child.priority) == ("SUCCEEDED", job.id, 1)
