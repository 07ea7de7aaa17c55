"""Team files that are wrong: every error names file, line and key, what is wrong and what is allowed."""

from __future__ import annotations

import random
import re
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gnosari_temporal.agents import TeamSpec, parse_team
from gnosari_temporal.agents.graph import team_graph
from gnosari_temporal.agents.schema import team_schema
from gnosari_temporal.errors import TeamError


def problems_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(TeamError) as caught:
        parse_team(dedent(text).lstrip("\n"), "t.yaml", environ or {})
    return list(caught.value.problems)


A = "agents:\n  - name: A\n    instructions: x\n"
B = "  - name: B\n    instructions: x\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "t.yaml:1: is empty: a team file has agents, tools or both"),
        ("- a\n", "t.yaml:1: is a list: a team file has keys like agents and tools"),
        ("hello\n", "t.yaml:1: is 'hello': a team file has keys like agents and tools"),
        ("name: X\n", "t.yaml:1: has neither agents nor tools"),
        ("agents: []\n", "t.yaml:1: has neither agents nor tools"),
        ("agents: {name: A}\n", "t.yaml:1: agents: must be a list, not a mapping"),
        ("agents: [A]\n", "t.yaml:1: agents[0]: must be a mapping of keys to values, not 'A'"),
        ("agents:\n  - instructions: x\n", "t.yaml:2: agents[0]: 'name' is missing"),
        ("agnts: []\n" + A, "t.yaml:1: agnts: unknown key; did you mean 'agents'?"),
        (A + "    handoffs: [B]\n", "t.yaml:4: agents[0].handoffs: unknown key; write 'can_transfer_to'"),
        (A + "    modle: x\n", "t.yaml:4: agents[0].modle: unknown key; did you mean 'model'?"),
        (A + "    model: 5\n", "t.yaml:4: agents[0].model: must be text, not 5: write it in quotes"),
        (A + "    temperature: 3\n", "t.yaml:4: agents[0].temperature: must be from 0 to 2, not 3"),
        (A + "    temperature: warm\n", "t.yaml:4: agents[0].temperature: must be a number, not 'warm'"),
        (A + "    max_turns: 0\n", "t.yaml:4: agents[0].max_turns: must be 1 or more, not 0"),
        (A + "    orchestrator: maybe\n", "t.yaml:4: agents[0].orchestrator: must be true or false, not 'maybe'"),
        (
            A + "    reasoning_effort: hihg\n",
            "t.yaml:4: agents[0].reasoning_effort: must be 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or "
            "'max', not 'hihg'; did you mean 'high'?",
        ),
        (A + "    tools: bash\n", "t.yaml:4: agents[0].tools: must be a list, not 'bash'"),
        (A + "    tools:\n      - {name: bash}\n", "t.yaml:5: agents[0].tools[0]: must be text, not a mapping"),
        (
            A + "    tools:\n      - bash\n      - file_tool\n",
            "t.yaml:6: agents[0].tools[1]: there is no tool 'file_tool' (the team has no tool, builtin are "
            "api_request, bash, bash_operations, delegate_agent, file_operations, interactive_bash_operations, "
            "knowledge_query, mysql_query, sql_query, website_content)",
        ),
        (
            A + "    tools: [api_reqest]\ntools: [{name: bash}]\n",
            "t.yaml:4: agents[0].tools[0]: there is no tool 'api_reqest'; did you mean 'api_request'? "
            "(the team has 'bash')",
        ),
        (
            A + "    tools: [T]\ntools:\n  - {name: T, id: t1, module: a, class: B}\n"
            "  - {name: T, id: t2, module: a, class: B}\n",
            "t.yaml:4: agents[0].tools[0]: 'T' is the name of several: write 't1', 't2'",
        ),
        (
            A + "    mcp_servers: [browsr]\nmcp_servers: [{name: browser, command: x}]\n",
            "t.yaml:4: agents[0].mcp_servers[0]: there is no tool 'browsr'; did you mean 'browser'? "
            "(the team has 'browser')",
        ),
        (
            A + "    knowledge: [docs]\nknowledge: [{name: doc, type: text, data: x}]\n",
            "t.yaml:4: agents[0].knowledge[0]: there is no knowledge 'docs'; did you mean 'doc'? (the team has 'doc')",
        ),
        (
            A + "    delegation:\n      - agent: Bee\n" + B,
            "t.yaml:5: agents[0].delegation[0].agent: there is no agent 'Bee' (the team has 'A', 'B')",
        ),
        (
            A + "    delegation:\n      - Witer\n  - {name: Writer, instructions: x}\n",
            "t.yaml:5: agents[0].delegation[0]: there is no agent 'Witer'; did you mean 'Writer'? "
            "(the team has 'A', 'Writer')",
        ),
        (
            A + "    can_transfer_to: [{agent: C}]\n" + B,
            "t.yaml:4: agents[0].can_transfer_to[0].agent: there is no agent 'C' (the team has 'A', 'B')",
        ),
        (A + "    can_transfer_to: [A]\n", "t.yaml:4: agents[0].can_transfer_to[0]: an agent cannot hand over to it"),
        (A + "    delegation: [{mode: async}]\n", "t.yaml:4: agents[0].delegation[0]: 'agent' is missing"),
        (A + "    delegation: [5]\n", "t.yaml:4: agents[0].delegation[0]: must be a mapping of keys to values, not 5"),
        (
            A + "    delegation: [{agent: B, mode: later}]\n" + B,
            "t.yaml:4: agents[0].delegation[0].mode: must be 'sync' or 'async', not 'later'",
        ),
        (
            A + "    delegation: [{agent: B, priority: 99}]\n" + B,
            "t.yaml:4: agents[0].delegation[0].priority: must be from 1 to 10, not 99",
        ),
        (
            A + "    delegation:\n      - B\n      - {agent: B, mode: async}\n" + B,
            "t.yaml:6: agents[0].delegation[1]: 'B' is in line 5 already; keep one of them",
        ),
        (
            A + "    delegation:\n      - A\n",
            "t.yaml:5: agents[0].delegation[0]: delegation goes in a circle without a limit (A → A): "
            "set config.max_depth",
        ),
        (
            A + "    delegation: [B]\n" + B + "    delegation:\n      - agent: A\n",
            "t.yaml:8: agents[1].delegation[0]: delegation goes in a circle without a limit (A → B → A): "
            "set config.max_depth",
        ),
        (
            A + "    tools: [delegate_agent]\n" + B + "    tools: [bash, delegate_agent]\n",
            "t.yaml:7: agents[1].tools[1]: delegation goes in a circle without a limit (A → B → A): "
            "set config.max_depth",
        ),
        (A + "  - name: A\n", "t.yaml:4: agents[1]: the agent in line 2 is called 'A' too: give each its own id"),
        (A + "  - {name: B, id: A}\n", "t.yaml:4: agents[1]: the agent in line 2 is called 'A' too: give each its ow"),
        (A + '  - name: "翻译"\n', "t.yaml:4: agents[1]: '翻译' has no Latin letter or digit: write an id"),
        (A + "config: {start: C}\n", "t.yaml:4: config.start: there is no agent 'C' (the team has 'A')"),
        (A + "config: {max_depth: 0}\n", "t.yaml:4: config.max_depth: must be 1 or more, not 0"),
        (A + "config: {timeout: 1x}\n", "t.yaml:4: config.timeout: '1x' is no duration: write seconds as a number, or"),
        (A + "config: {max_tokens_total: -1}\n", "t.yaml:4: config.max_tokens_total: must be 1 or more, not -1"),
        (
            A + "config: {on_outstanding: stop}\n",
            "t.yaml:4: config.on_outstanding: must be 'wait', 'return' or 'cancel', not 'stop'",
        ),
        (
            A + "config: {on_outstanding: {action: stop}}\n",
            "t.yaml:4: config.on_outstanding.action: must be 'wait', 'return' or 'cancel', not 'stop'",
        ),
        (
            A + "config:\n  max_cost: 1\n",
            "t.yaml:5: config.max_cost: cannot be kept for model 'gpt-4o': add its price to config.prices",
        ),
        (A + "config: {prices: {m: {input: 1}}}\n", "t.yaml:4: config.prices.m: 'output' is missing"),
        (A + "config: {budget: 5}\n", "t.yaml:4: config.budget: unknown key; write 'max_tokens_total' or 'max_cost'"),
        (A + "knowledge: [{name: K, data: x}]\n", "t.yaml:4: knowledge[0]: 'type' is missing"),
        (A + "knowledge: [{name: K, type: text}]\n", "t.yaml:4: knowledge[0]: 'data' is missing: type 'text' needs"),
        (
            A + "knowledge: [{name: K, type: txt, data: x}]\n",
            "t.yaml:4: knowledge[0].type: must be 'text', 'directory', 'file', 'text_file', 'markdown', 'md', 'mdx', "
            "'csv', 'json', 'xml', 'html' or 'yaml', not 'txt'; did you mean 'text'?",
        ),
        (
            A + "knowledge:\n  - {name: K, type: text, data: x}\n  - {name: K, type: text, data: x}\n",
            "t.yaml:6: knowledge[1]: the knowledge in line 5 is called 'K' too",
        ),
        (A + "mcp_servers: [{name: S}]\n", "t.yaml:4: mcp_servers[0]: an MCP server needs 'url' or 'command'"),
        (A + "    model: ${MODEL}\n", "t.yaml:4: agents[0].model: ${MODEL} is not set: set MODEL, or write ${MODEL:d"),
        (A + "agents: []\n", "t.yaml:4: key 'agents' is already in line 1; keep one of them"),
        (A + "   model: x\n", "t.yaml:4: is not valid YAML"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, problem: str) -> None:
    found = problems_of(text)
    assert any(line.startswith(problem) for line in found), found
    assert all(line.isprintable() for line in found)


def test_mistakes_of_one_stage_are_reported_together_in_the_order_of_the_file() -> None:
    found = problems_of(
        """
        nmae: X
        config: {max_turns: many}
        tools: [{name: bash, mode: x}]
        agents:
          - {name: A, temprature: 1}
          - {instructions: x, model: '${NOPE}'}
        """
    )
    assert [int(line.split(":")[1]) for line in found] == [1, 2, 3, 5, 6]


def test_every_reference_that_means_nothing_is_reported() -> None:
    found = problems_of(
        """
        agents:
          - name: A
            tools: [x, y]
            knowledge: [z]
            delegation: [C]
            can_transfer_to: [D]
        """
    )
    assert [line.split(": ")[1] for line in found] == [
        "agents[0].tools[0]",
        "agents[0].tools[1]",
        "agents[0].knowledge[0]",
        "agents[0].delegation[0]",
        "agents[0].can_transfer_to[0]",
    ]


def test_a_circle_over_several_agents_is_named_and_a_limit_allows_it() -> None:
    text = """
        config: {}
        agents:
          - {name: A, instructions: x, delegation: [B]}
          - {name: B, instructions: x, delegation: [C, D]}
          - {name: C, instructions: x, delegation: [D]}
          - {name: D, instructions: x, delegation: [B]}
        """
    assert problems_of(text) == [
        "t.yaml:6: agents[3].delegation[0]: delegation goes in a circle without a limit (B → C → D → B): "
        "set config.max_depth"
    ]
    assert parse_team(text.replace("{}", "{max_depth: 5}"), "t.yaml", {}).team.config.max_depth == 5


def test_two_ways_to_the_same_agent_are_no_circle() -> None:
    text = """
        agents:
          - {name: A, instructions: x, delegation: [B, C]}
          - {name: B, instructions: x, delegation: [D]}
          - {name: C, instructions: x, delegation: [D]}
          - {name: D, instructions: x}
        """
    assert parse_team(text, "t.yaml", {}).warnings == ()


_LEAVES: list[Any] = [
    None, True, 0, 3, -3, 2**70, 0.5, "", "x", "a b", "sync", "async", "${X}", "${NOPE}", "${N:3}", "10m", "wait",
    "A", "B", "bash", "delegate_agent", "knowledge_query", "text", "file", "http://x", "a.b", "Cls", "high", "翻译",
    "\u2028",
]  # fmt: skip
_SECTIONS = {
    "agents": "AgentEntry",
    "tools": "ToolEntry",
    "mcp_servers": "McpEntry",
    "knowledge": "KnowledgeEntry",
    "delegation": "DelegationEntry",
    "can_transfer_to": "HandoffEntry",
}


class _Files:
    """Team files of right keys with values that are often wrong."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.definitions = team_schema()["$defs"]

    def team(self) -> dict[str, Any]:
        return {key: self.value(key) for key in ("config", "tools", "knowledge", "agents", "mcp_servers")}

    def value(self, key: str) -> Any:
        if self.random.random() < 0.02:
            return self.anything()
        if key in _SECTIONS:
            return [self.section(_SECTIONS[key]) for _ in range(self.random.randint(0, 3))]
        sections = {"config": "ConfigEntry", "retry": "RetryEntry", "approval": "ApprovalEntry"}
        if key in sections:
            return self.section(sections[key])
        usual: dict[str, list[Any]] = {
            "name": ["A", "B", "C", "bash", "K"], "agent": ["A", "B"], "id": ["i1", "i2"], "mode": ["sync", "async"],
            "type": ["text", "file"], "data": [["x"]], "priority": [1, 9], "timeout": [5, "10m"], "start": ["A"],
            "module": ["a.b"], "class": ["C"], "command": ["npx"], "orchestrator": [False], "max_depth": [2],
            "instructions": ["x", "${NOPE}"], "model": ["m"], "max_turns": [5],
        }  # fmt: skip
        return self.random.choice(usual[key]) if key in usual else self.anything(3)

    def section(self, name: str) -> dict[str, Any]:
        keys = self.definitions[name]["properties"]
        required = {"name", "agent", "type", "data", "instructions", "module", "class"}
        return {key: self.value(key) for key in keys if key in required or self.random.random() < 0.08}

    def anything(self, depth: int = 0) -> Any:
        kind = self.random.random()
        if kind < 0.6 or depth > 2:
            return self.random.choice(_LEAVES)
        items = [self.anything(depth + 1) for _ in range(self.random.randint(0, 2))]
        return items if kind < 0.8 else {f"k{number}": item for number, item in enumerate(items)}


@settings(max_examples=150, deadline=None)
@given(st.integers())
def test_any_file_is_a_team_or_is_refused_with_lines(seed: int) -> None:
    text = yaml.safe_dump(_Files(seed).team(), allow_unicode=True, sort_keys=False)
    lines: tuple[str, ...] = ()
    try:
        loaded = parse_team(text, "t.yaml", {"X": "5"}, need_start=False)
    except TeamError as error:
        lines = error.problems
        assert lines
    else:
        assert TeamSpec.model_validate_json(loaded.team.model_dump_json()) == loaded.team
        assert team_graph(loaded.team, "svg").startswith("<svg")
        lines = loaded.warnings
    for line in lines:
        assert re.match(r"t\.yaml:\d+: ", line)
        assert line.isprintable()
