"""The parts of a run that need no server: usage, budgets, state, the inbox, what a model is told, retry rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal.agents import AgentMessage, Budget, ModelPrice, TeamSpec, Usage, parse_team
from gnosari_temporal.agents.inbox import as_text, close, results_of
from gnosari_temporal.agents.model_call import ModelCallMessage
from gnosari_temporal.agents.models.retrying import delay_asked, is_retryable, provider_message
from gnosari_temporal.agents.models.scripted import ScriptedModel, with_scripts_of
from gnosari_temporal.agents.prompting import AgentView, with_knowledge
from gnosari_temporal.agents.run import Run
from gnosari_temporal.agents.sessions import shortened
from gnosari_temporal.agents.state import RunState, Task, TaskEnd, TaskState
from gnosari_temporal.agents.toolbox import AgentTool
from gnosari_temporal.agents.workflow import carry_over
from gnosari_temporal.errors import ModelNotConfigured, ModelRefused, TeamError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def team(text: str) -> TeamSpec:
    return parse_team(text).team


def task(ticket: str, state: TaskState = TaskState.RUNNING, **more: Any) -> Task:
    return Task(ticket=ticket, kind="agent", name="Writer", job_id=f"job-{ticket}", state=state, started_at=NOW, **more)


class TestUsage:
    def test_usage_adds_up_and_has_its_price(self) -> None:
        used = Usage(requests=1, input_tokens=1_000_000, cached_tokens=500_000, output_tokens=100_000)

        priced = used.priced(ModelPrice(input=2, output=10, cached_input=1))

        assert priced.cost == pytest.approx(1 + 0.5 + 1)
        assert (priced + priced).tokens == 2_200_000
        assert used.priced(None).cost == 0

    @pytest.mark.parametrize(
        ("budget", "exceeded"),
        [(Budget(), False), (Budget(tokens=101), False), (Budget(tokens=100), True), (Budget(cost=0.5), True)],
    )
    def test_a_budget_is_exceeded_when_it_is_used_up(self, budget: Budget, exceeded: bool) -> None:
        used = Usage(input_tokens=60, output_tokens=40, cost=0.5)

        assert (budget.exceeded_by(used) is not None) == exceeded

    def test_what_is_left_of_a_budget_is_for_the_delegation(self) -> None:
        left = Budget(tokens=100, cost=1).left_after(Usage(input_tokens=150, cost=0.25))

        assert left == Budget(tokens=0, cost=0.75)


class TestCarryOver:
    """What crosses continue-as-new."""

    def test_every_part_of_the_state_crosses_but_delivered_results(self) -> None:
        # given a run in the middle of its work, with every field set
        state = RunState(
            agent="B",
            items=[{"role": "user", "content": "hi"}],
            turns=3,
            turns_of={"A": 2, "B": 1},
            calls=5,
            tickets=4,
            usage=Usage(requests=3),
            delegated={"job-t1": Usage(requests=2)},
            tasks=[
                task("t1"),
                task("t2", TaskState.SUCCEEDED, result="seen", delivered=True),
                task("t3", TaskState.FAILED, error="news"),
            ],
            steering=["wait"],
            answer="so far",
            last_wait=NOW,
            session_held=True,
            session_items=1,
        )
        assert state.model_fields_set == set(RunState.model_fields)
        small = team("agents: [{name: A, instructions: a}, {name: B, instructions: b}]")
        run = Run(AgentMessage(team=small, message="hi", session_id="s", state=state))
        run.deadline = NOW + timedelta(hours=1)

        # when it travels as JSON
        sent = AgentMessage.model_validate_json(carry_over(run).model_dump_json())

        # then
        assert sent.state is not None
        assert [each.ticket for each in sent.state.tasks] == ["t1", "t3"]
        assert sent.state.model_copy(update={"tasks": []}) == state.model_copy(update={"tasks": []})
        assert (sent.deadline, sent.session_id, sent.team) == (run.deadline, "s", small)

    def test_the_next_run_goes_on_with_it(self) -> None:
        small = team("agents: [{name: A, instructions: a}]")
        first = Run(AgentMessage(team=small, message="hi"))
        first.state.turns, first.state.answer = 7, "x"

        second = Run(carry_over(first))

        assert (second.state.turns, second.state.answer, second.state.agent) == (7, "x", "A")


class TestInbox:
    def test_the_first_news_of_an_end_counts(self) -> None:
        done = task("t1")

        assert close(done, TaskEnd(job_id="job-t1", state=TaskState.SUCCEEDED, result="one"), NOW)
        assert not close(done, TaskEnd(job_id="job-t1", state=TaskState.FAILED, error="two"), NOW)
        assert (done.result, done.error) == ("one", "")

    def test_results_that_were_given_are_not_given_again(self) -> None:
        state = RunState(agent="A", tasks=[task("t1"), task("t2", TaskState.FAILED, error="no luck")])

        text = results_of(state.tasks)

        assert text == "t1 (Writer): still running\n\nt2 (Writer) failed: no luck"
        assert state.undelivered() == []
        assert [each.ticket for each in state.outstanding()] == ["t1"]

    def test_a_very_long_result_is_cut_and_says_so(self) -> None:
        text = as_text("x" * 300, limit=100)

        assert text.startswith("x" * 100 + "\n[cut: 300 characters")

    def test_a_session_that_is_too_long_forgets_the_oldest_exchanges_whole(self) -> None:
        items = [
            {"role": "user", "content": "old " * 50},
            {"type": "function_call_output", "output": "x"},
            {"role": "user", "content": "new"},
            {"type": "message"},
        ]

        assert shortened(items, limit=100) == items[2:]
        assert shortened(items, limit=10) == []
        assert shortened(items) == items


class TestPrompting:
    TEXT = """
    tools:
      - {name: fixed, mode: async, module: my_tools, class: Fixed}
      - {name: free, module: my_tools, class: Free}
    knowledge: [{id: faq, name: FAQ, type: text, data: [x]}]
    agents:
      - name: Manager
        instructions: Manage.
        tools: [fixed, free]
        delegation: [{agent: Writer, instructions: For texts}, {agent: Poet, mode: sync}]
        can_transfer_to: [Poet]
        knowledge: [faq]
      - {name: Writer, instructions: Write., description: Writes}
      - {name: Poet, instructions: Rhyme., description: Rhymes}
    """
    TOOLBOX = [  # noqa: RUF012
        AgentTool(name=name, kind="tool", source=name, parameters={"type": "object", "properties": {"x": {}}})
        for name in ("fixed", "free")
    ]

    def test_an_agent_is_told_of_the_others_and_of_its_inbox(self) -> None:
        this = team(self.TEXT)
        view = AgentView(this, this.agent("Manager"), self.TOOLBOX, may_delegate=True)

        told = view.instructions()

        assert told.startswith("Manage.\n\nYou can delegate to these agents:\n- Writer: For texts\n- Poet: Rhymes")
        assert "collect_tasks" in told
        assert "- faq: FAQ" in told

    def test_the_mode_of_a_call_can_be_chosen_only_where_the_team_file_leaves_it_open(self) -> None:
        this = team(self.TEXT)
        view = AgentView(this, this.agent("Manager"), self.TOOLBOX, may_delegate=True)

        functions = {function.name: function.parameters["properties"] for function in view.functions()}

        assert "execution_mode" in functions["free"]
        assert "execution_mode" not in functions["fixed"]
        assert functions["delegate_agent"]["target_agent"]["enum"] == ["Writer", "Poet"]
        assert {"check_tasks", "collect_tasks", "cancel_task", "transfer_to_Poet"} <= set(functions)

    def test_an_agent_that_can_send_nothing_off_has_no_inbox(self) -> None:
        this = team(
            "agents: [{name: A, instructions: a, delegation: [{agent: B, mode: sync}]}, {name: B, instructions: b}]"
        )
        view = AgentView(this, this.agent("A"), [], may_delegate=True)
        deepest = AgentView(this, this.agent("A"), [], may_delegate=False)

        assert [function.name for function in view.functions()] == ["delegate_agent"]
        assert deepest.functions() == []

    def test_the_knowledge_tool_gets_what_its_agent_may_search(self) -> None:
        this = team(self.TEXT)
        manager = this.agent("Manager")

        tool = with_knowledge(this.tool("knowledge_query"), this, manager)

        assert [item["id"] for item in tool.args["knowledge"]] == ["faq"]


class TestRetryRules:
    @pytest.mark.parametrize(
        ("status", "headers", "body", "expected"),
        [
            (429, {}, None, True),
            (500, {}, None, True),
            (503, {}, None, True),
            (408, {}, None, True),
            (400, {}, None, False),
            (401, {}, None, False),
            (404, {}, None, False),
            (429, {}, {"code": "insufficient_quota"}, False),
            (500, {"x-should-retry": "false"}, None, False),
            (400, {"x-should-retry": "true"}, None, True),
        ],
    )
    def test_what_is_retried(self, status: int, headers: dict[str, str], body: Any, expected: bool) -> None:
        assert is_retryable(status, headers, body) is expected

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "2"}, 2.0),
            ({"retry-after": "0.5"}, 0.5),
            ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
            ({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}, 30.0),
            ({"retry-after": "Wed, 31 Dec 2025 00:00:00 GMT"}, 0.0),
            ({"retry-after": "999999"}, 3600.0),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "-1"}, None),
            ({}, None),
        ],
    )
    def test_how_long_a_provider_asks_to_wait(self, headers: dict[str, str], seconds: float | None) -> None:
        assert delay_asked(headers, NOW) == seconds

    def test_the_providers_message_is_found_in_its_answer(self) -> None:
        assert provider_message({"error": {"message": "no such\n model"}}, "x") == "no such model"
        assert provider_message({"message": "plain"}, "x") == "plain"
        assert provider_message(None, "default") == "default"


class TestScripts:
    def write(self, folder: Path, text: str) -> ScriptedModel:
        (folder / "script.yaml").write_text(text)
        return ScriptedModel.load(str(folder / "script.yaml"))

    async def test_a_turn_is_found_by_agent_and_number(self, tmp_path: Path) -> None:
        # given
        model = self.write(
            tmp_path,
            "agents: {A: [{text: same, times: 2}, "
            "{calls: [{tool: t, args: {x: ['{{input}}', 1]}}], text: '{{last}}'}]}",
        )

        def call(turn: int, agent: str = "A") -> ModelCallMessage:
            return ModelCallMessage(
                agent=agent, turn=turn, model="m", asked="q", input=[{"role": "user", "content": "came"}]
            )

        # then
        assert [(await model.reply(call(turn), print)).text for turn in (1, 2)] == ["same", "same"]
        reply = await model.reply(call(3), print)
        assert (reply.text, reply.calls[0]["arguments"]) == ("came", '{"x": ["q", 1]}')
        with pytest.raises(ModelRefused, match="has 3 turns for 'A', this is turn 4"):
            await model.reply(call(4), print)
        with pytest.raises(ModelRefused, match="has no agent 'B'; it has A"):
            await model.reply(call(1, "B"), print)

    def test_a_wrong_script_is_refused_with_its_line(self, tmp_path: Path) -> None:
        with pytest.raises(TeamError, match=r"script.yaml:3: agents.A\[0\].txt"):
            self.write(tmp_path, "agents:\n  A:\n    - {txt: hello}\n")
        with pytest.raises(ModelNotConfigured, match="has no script"):
            ScriptedModel.load(str(tmp_path / "nothing.yaml"))

    def test_scripts_are_found_beside_the_team_file(self, tmp_path: Path) -> None:
        small = team("config: {model: 'scripted:s.yaml'}\nagents: [{name: A, instructions: a}, {name: B, model: gpt}]")

        found = with_scripts_of(small, tmp_path)

        assert [agent.model for agent in found.agents] == [f"scripted:{tmp_path / 's.yaml'}", "gpt"]
