"""Team files that are right, and the teams that they become."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from gnosari_temporal.agents import (
    AgentSpec,
    DelegationRule,
    HandoffRule,
    LoadedTeam,
    ModelPrice,
    OutstandingPolicy,
    TeamSpec,
    load_team,
    parse_team,
)
from gnosari_temporal.errors import TeamError


def load(text: str, environ: dict[str, str] | None = None, **options: object) -> LoadedTeam:
    return parse_team(dedent(text), "t.yaml", environ or {}, **options)  # type: ignore[arg-type]


STUDIO = """
name: Studio
id: studio
description: Writes articles
config:
  model: gpt-4o-mini
  temperature: 0.3
  reasoning_effort: low
  max_turns: 12
  timeout: 30m
  max_tokens_total: 200000
  max_cost: 1.5
  prices:
    gpt-4o-mini: {input: 0.15, output: 0.6}
    gpt-5: {input: 1.25, output: 10, cached_input: 0.125}
  on_outstanding: {action: cancel, timeout: 5m}
  max_depth: 3
tools:
  - name: File Manager
    id: files
    mode: async
    module: gnosari.tools.builtin.file_operations
    class: FileOperationsTool
  - {name: Browser, command: npx, args: ['@playwright/mcp@latest']}
mcp_servers:
  - {name: Tickets (live), id: tickets, url: https://tickets.example/mcp}
knowledge:
  - {id: style, name: Style Guide, type: directory, data: ./style}
  - {name: facts, type: text, data: [water is wet, fire is hot]}
agents:
  - name: Editor
    id: chief
    description: Decides
    instructions: You are the editor.
    orchestrator: true
    model: gpt-5
    temperature: 1
    reasoning_effort: high
    max_turns: 30
    tools: [files, api_request, Browser]
    mcp_servers: [Tickets (live)]
    knowledge: [Style Guide]
    delegation:
      - {agent: Writer, instructions: For drafts, mode: async, priority: 2, queue: drafts, timeout: 10m,
         retry: {max_retries: 1}, approval: true}
    can_transfer_to: [{agent: support, instructions: For customers}]
  - {name: Writer, instructions: You write., tools: [File Manager]}
  - {name: Support, id: support, instructions: You help., can_transfer_to: [Editor]}
"""


def test_a_full_file_becomes_a_team() -> None:
    loaded = load(STUDIO)
    team = loaded.team
    assert loaded.warnings == ()
    assert (team.name, team.id, team.description, team.start) == ("Studio", "studio", "Writes articles", "Editor")
    assert team.config.timeout == timedelta(minutes=30)
    assert (team.config.max_tokens_total, team.config.max_cost, team.config.max_depth) == (200_000, 1.5, 3)
    assert team.config.on_outstanding == OutstandingPolicy(action="cancel", timeout=timedelta(minutes=5))
    assert team.config.prices["gpt-5"] == ModelPrice(input=1.25, output=10, cached_input=0.125)

    editor = team.agent("Editor")
    assert (editor.model, editor.temperature, editor.reasoning_effort, editor.max_turns) == ("gpt-5", 1, "high", 30)
    assert editor.tools == ("files", "api_request", "delegate_agent", "knowledge_query")
    assert editor.mcp_servers == ("Browser", "tickets")
    assert editor.knowledge == ("style",)
    assert editor.can_transfer_to == (HandoffRule(agent="Support", instructions="For customers"),)
    (rule,) = editor.delegation
    assert (rule.agent, rule.mode, rule.priority, rule.queue_name) == ("Writer", "async", 2, "drafts")
    assert rule.timeout == timedelta(minutes=10)
    assert rule.retry is not None
    assert rule.retry.maximum_attempts == 2
    assert rule.approval is not None


def test_an_agent_gets_what_it_leaves_out_from_the_config() -> None:
    writer = load(STUDIO).team.agent("Writer")
    assert (writer.model, writer.temperature, writer.reasoning_effort) == ("gpt-4o-mini", 0.3, "low")
    assert writer.max_turns == 12
    assert writer.tools == ("files",)


def test_the_least_file_has_the_documented_defaults() -> None:
    team = load("agents: [{name: Assistant, instructions: Help}]").team
    assert team == TeamSpec(
        name="t",
        agents=(AgentSpec(name="Assistant", instructions="Help", model="gpt-4o", max_turns=100),),
        start="Assistant",
    )
    assert team.config.on_outstanding == OutstandingPolicy(action="wait", timeout=timedelta(hours=1))
    assert (team.config.timeout, team.config.max_depth, team.config.temperature) == (None, None, None)


def test_a_team_travels_as_json() -> None:
    team = load(STUDIO).team
    assert TeamSpec.model_validate_json(team.model_dump_json()) == team
    assert TeamSpec.model_validate_json(team.model_dump_json(by_alias=True)) == team
    assert TeamSpec.model_validate_json(team.model_dump_json(exclude_defaults=True)) == team


async def test_a_team_travels_as_temporal_sends_it() -> None:
    from temporalio.contrib.pydantic import pydantic_data_converter

    team = load(STUDIO).team
    payloads = await pydantic_data_converter.encode([team])
    assert await pydantic_data_converter.decode(payloads, [TeamSpec]) == [team]


def test_a_file_is_named_as_the_user_named_it(tmp_path: Path) -> None:
    path = tmp_path / "my-team.yaml"
    path.write_text("agents: [{name: A, instructions: x}]", encoding="utf-8")
    loaded = load_team(path, {})
    assert (loaded.path, loaded.team.name) == (path, "my-team")
    assert loaded.text == path.read_text(encoding="utf-8")
    path.write_text("agents: [{name: A, instruction: x}]", encoding="utf-8")
    with pytest.raises(TeamError) as caught:
        load_team(str(path), {})
    assert str(caught.value) == f"{path}:1: agents[0].instruction: unknown key; did you mean 'instructions'?"


def test_a_file_may_hold_tools_alone() -> None:
    team = load("tools: [{name: bash}]").team
    assert [tool.name for tool in team.tools] == ["bash"]
    assert (team.agents, team.start) == ((), None)
    with pytest.raises(TeamError, match="team 't' has no agents to run"):
        _ = team.start_agent


def test_without_orchestrator_the_first_agent_starts() -> None:
    team = load("agents: [{name: A, instructions: x}, {name: B, instructions: x}]").team
    assert team.start_agent.name == "A"


TWO_CHIEFS = """
agents:
  - {name: A, instructions: x, orchestrator: true}
  - {name: B, id: bee, instructions: x, orchestrator: '${YES:true}'}
"""


def test_two_orchestrators_need_a_choice() -> None:
    with pytest.raises(TeamError) as caught:
        load(TWO_CHIEFS)
    assert caught.value.problems == (
        "t.yaml:4: agents[1].orchestrator: the team has 2 orchestrators ('A' in line 3, 'B' in line 4): "
        "set config.start, or choose with --agent",
    )
    assert load(TWO_CHIEFS, start="bee").team.start == "B"
    assert load("config: {start: bee}" + TWO_CHIEFS).team.start == "B"
    assert load("config: {start: bee}" + TWO_CHIEFS, start="A").team.start == "A"


def test_a_worker_loads_a_team_whose_start_is_open() -> None:
    team = load(TWO_CHIEFS, need_start=False).team
    assert team.start is None
    with pytest.raises(TeamError, match=r"several orchestrators \('A', 'B'\): choose with --agent"):
        _ = team.start_agent
    assert team.with_overrides(start="bee").start_agent.name == "B"


def test_a_start_that_is_no_agent_is_named_with_those_that_there_are() -> None:
    with pytest.raises(TeamError, match=r"no agent 'C' in team 't' \(it has 'A', 'B'\)"):
        load(TWO_CHIEFS, start="C")


def test_agents_tools_and_knowledge_are_found_by_name_and_id() -> None:
    team = load(STUDIO).team
    assert team.agent("chief") is team.agent("Editor")
    assert team.tool("File Manager") is team.tool("files")
    assert team.mcp_server("Tickets (live)") is team.mcp_server("tickets")
    for find in (team.agent, team.tool, team.mcp_server):
        with pytest.raises(TeamError, match="in team 'Studio'"):
            find("nobody")


def test_knowledge_is_searched_by_its_list_or_wholly() -> None:
    team = load(
        """
        knowledge:
          - {name: K1, type: text, data: x}
          - {name: K2, type: csv, data: [a.csv]}
          - {name: K3, type: website, data: ['http://x']}
        agents:
          - {name: Listed, instructions: x, knowledge: [K2, K3]}
          - {name: All, instructions: x, tools: [knowledge_query]}
          - {name: None, instructions: x}
          - {name: Web, instructions: x, knowledge: [K3]}
        """
    )
    names = {agent.name: [item.name for item in team.team.knowledge_of(agent)] for agent in team.team.agents}
    assert names["Listed"] == ["K2"]
    assert names["All"] == ["K1", "K2"]
    assert team.team.agent("Listed").tools == ("knowledge_query",)
    assert team.team.agent("None").tools == ()
    assert team.team.agent("Web").tools == ()
    assert [item.source for item in team.team.knowledge] == ["text", "file", "other"]
    (warning,) = team.warnings
    assert warning.startswith("t.yaml:5: knowledge[2].type: 'website' is not searched: save it as files")


def test_an_agent_may_delegate_to_its_list_only() -> None:
    team = load(
        """
        agents:
          - name: Boss
            instructions: x
            delegation:
              - {agent: Writer, mode: async, priority: 1}
              - Checker
          - {name: Writer, id: w, instructions: x}
          - {name: Checker, instructions: x}
          - {name: Outsider, instructions: x}
        """
    ).team
    boss = team.agent("Boss")
    assert boss.tools == ("delegate_agent",)
    assert team.delegations(boss) == (
        DelegationRule(agent="Writer", mode="async", priority=1),
        DelegationRule(agent="Checker"),
    )
    assert team.delegation(boss, "w") == DelegationRule(agent="Writer", mode="async", priority=1)
    assert team.delegation(boss, "Outsider") is None
    assert team.delegations(team.agent("Writer")) == ()


def test_a_delegation_tool_without_list_reaches_every_other_agent_as_it_says() -> None:
    team = load(
        """
        tools:
          - {name: Async Delegator, mode: async, priority: 1, queue: agents, timeout: 5m, approval: true,
             module: gnosari.tools.builtin.delegation, class: DelegateAgentTool}
        agents:
          - {name: Boss, instructions: x, tools: [Async Delegator]}
          - {name: Writer, instructions: x, description: Writes}
          - {name: Checker, instructions: x}
        """
    ).team
    boss = team.agent("Boss")
    assert boss.tools == ("async_delegator",)
    rules = team.delegations(boss)
    assert [(rule.agent, rule.instructions) for rule in rules] == [("Writer", "Writes"), ("Checker", None)]
    for rule in rules:
        assert (rule.mode, rule.priority, rule.queue_name) == ("async", 1, "agents")
        assert rule.timeout == timedelta(minutes=5)
        assert rule.approval is not None


def test_a_rule_wins_over_the_delegation_tool() -> None:
    team = load(
        """
        tools:
          - {name: later, mode: async, priority: 9, module: gnosari.tools.delegation, class: DelegateAgentTool}
          - {name: now, module: gnosari.tools.delegation, class: DelegateAgentTool}
        agents:
          - name: Boss
            instructions: x
            tools: [later, now]
            delegation: [{agent: Writer, mode: sync}, {agent: Checker}]
          - {name: Writer, instructions: x}
          - {name: Checker, instructions: x}
        """
    ).team
    boss = team.agent("Boss")
    assert [(rule.mode, rule.priority) for rule in team.delegations(boss)] == [("sync", 9), ("async", 9)]
    now = team.delegations(boss, team.tool("now"))
    assert [(rule.mode, rule.priority) for rule in now] == [("sync", None), (None, None)]


def test_a_team_s_own_delegate_agent_is_the_one_that_is_given() -> None:
    team = load(
        """
        tools: [{name: delegate_agent, mode: async, module: gnosari.tools.builtin.delegation, class: DelegateAgentTool}]
        agents:
          - {name: Boss, instructions: x, delegation: [Writer]}
          - {name: Writer, instructions: x}
        """
    ).team
    assert len(team.tools) == 1
    assert [rule.mode for rule in team.delegations(team.agent("Boss"))] == ["async"]


def test_handoffs_may_go_in_a_circle() -> None:
    team = load(
        "agents: [{name: A, instructions: x, can_transfer_to: [B]}, {name: B, instructions: x, can_transfer_to: [A]}]"
    ).team
    assert team.agent("A").can_transfer_to == (HandoffRule(agent="B"),)


def test_other_spellings_of_gnosari_are_read() -> None:
    team = load(
        """
        agents:
          - {id: coordinator, instructions: x, is_orchestrator: false, delegations: [{target_agent_id: writer}]}
          - {id: writer, instructions: x, is_orchestrator: true}
        """
    ).team
    assert [agent.name for agent in team.agents] == ["coordinator", "writer"]
    assert team.start == "writer"
    assert [rule.agent for rule in team.delegations(team.agent("coordinator"))] == ["writer"]


def test_keys_without_value_count_as_not_written() -> None:
    team = load(
        """
        description:
        config:
        tools:
        agents:
          - name: A
            instructions: x
            model:
            delegation:
            tools:
        """
    ).team
    assert team.agent("A").model == "gpt-4o"


def test_keys_of_gnosari_that_mean_nothing_here_are_warnings() -> None:
    loaded = load(
        """
        human_supervision: {enabled: true, note: '${NOT_SET}'}
        config: {execution_mode: background}
        knowledge: [{name: K, type: text, data: x, config: {llm: {provider: openai}}}]
        agents:
          - name: A
            instructions: x
            parallel_tool_calls: false
        """
    )
    assert [warning.split(": ")[:2] for warning in loaded.warnings] == [
        ["t.yaml:2", "human_supervision"],
        ["t.yaml:3", "config.execution_mode"],
        ["t.yaml:4", "knowledge[0].config"],
        ["t.yaml:8", "agents[0].parallel_tool_calls"],
    ]
    assert all("has no effect" in warning for warning in loaded.warnings)


def test_an_agent_without_instructions_is_a_warning() -> None:
    assert load("agents: [{name: A}]").warnings == ("t.yaml:1: agents[0]: agent 'A' has no instructions",)


def test_variables_are_resolved_where_the_schema_reads_them() -> None:
    team = load(
        """
        name: ${TEAM:My Team}
        config: {max_turns: '${TURNS:7}', temperature: '${TEMP}', timeout: '${LIMIT:1m}'}
        agents:
          - {name: '${PREFIX}_A', model: '${MODEL:gpt-5}', orchestrator: '${CHIEF:false}', instructions: x}
          - {name: B, instructions: x, delegation: ['${PREFIX}_A']}
        """,
        {"TEMP": "0.5", "PREFIX": "prod"},
    ).team
    assert (team.name, team.config.max_turns, team.config.temperature) == ("My Team", 7, 0.5)
    assert team.agent("prod_A").model == "gpt-5"
    assert team.agent("B").delegation[0].agent == "prod_A"


def test_variables_in_prose_are_resolved_or_left_with_a_warning() -> None:
    loaded = load(
        """
        description: For ${COMPANY:us}
        agents:
          - name: A
            instructions: Work for ${COMPANY:us}. In shell, ${HOME_DIR} and ${BRANCH} are yours.
        """,
        {"COMPANY": "Acme"},
    )
    assert loaded.team.description == "For Acme"
    assert loaded.team.agents[0].instructions == "Work for Acme. In shell, ${HOME_DIR} and ${BRANCH} are yours."
    assert loaded.warnings == (
        "t.yaml:5: agents[0].instructions: ${HOME_DIR}, ${BRANCH} are not set and left as written",
    )


def test_secrets_are_in_no_part_of_the_team() -> None:
    names = ("TOKEN", "URL", "KEY", "DSN", "DOCS", "PROGRAM")
    loaded = load(
        """
        tools:
          - {name: sql_query, args: {database_url: '${DSN}'}}
          - {name: Remote, url: '${URL}', headers: {Authorization: 'Bearer ${TOKEN}'}}
        mcp_servers:
          - {name: Local, command: '${PROGRAM}', args: ['--key', '${KEY}'], env: {KEY: '${KEY}'}}
        knowledge:
          - {name: Docs, type: directory, data: '${DOCS}'}
        """,
        dict.fromkeys(names, "s3cret"),
    )
    assert "s3cret" not in loaded.team.model_dump_json()
    assert sorted(loaded.variables) == sorted(names)


def test_a_part_of_the_file_may_be_reused() -> None:
    team = load(
        """
        x-defaults: &defaults {model: gpt-5, temperature: 0.1, instructions: Be brief}
        agents:
          - {<<: *defaults, name: A}
          - {<<: *defaults, name: B, temperature: 0.9}
        """
    ).team
    assert [(agent.model, agent.temperature) for agent in team.agents] == [("gpt-5", 0.1), ("gpt-5", 0.9)]


def test_overrides_hold_for_every_agent() -> None:
    team = load(STUDIO).team.with_overrides(model="gpt-5", temperature=0, start="Writer")
    assert {(agent.model, agent.temperature) for agent in team.agents} == {("gpt-5", 0)}
    assert team.start_agent.name == "Writer"
    with pytest.raises(TeamError, match="max_cost cannot be kept with model 'other': add its price"):
        team.with_overrides(model="other")


def test_a_worker_is_told_which_tools_a_team_allows() -> None:
    assert load(STUDIO).team.allowed_tools == (
        "gnosari.tools.builtin.file_operations:FileOperationsTool",
        "gnosari_temporal.tools.builtin.api_request:APIRequestTool",
        "gnosari_temporal.tools.builtin.delegation:DelegateAgentTool",
        "gnosari_temporal.tools.builtin.knowledge_query:KnowledgeQueryTool",
    )


def test_a_price_counts_cached_tokens_apart() -> None:
    price = ModelPrice(input=2, output=10, cached_input=0.5)
    assert price.cost(1_000_000, 100_000) == 3.0
    assert price.cost(1_000_000, 0, cached_tokens=500_000) == 1.25
    assert ModelPrice(input=2, output=10).cost(1_000_000, 0, cached_tokens=500_000) == 2.0
