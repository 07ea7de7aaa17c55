"""Tools as a team file writes them, and the specs that they become."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent, indent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnosari_temporal.agents import LoadedTeam, parse_team
from gnosari_temporal.errors import TeamError
from gnosari_temporal.retry import RetrySpec
from gnosari_temporal.tools.modules import BUILTIN
from gnosari_temporal.tools.spec import ApprovalSpec, McpServerSpec, ToolSpec, function_name_of


def load(tool: str, environ: dict[str, str] | None = None) -> LoadedTeam:
    """A file with this one tool; its first key is in line 2."""
    item = indent(dedent(tool).strip(), "    ")[4:]
    return parse_team(f"tools:\n  - {item}\n", "t.yaml", environ or {})


def tool_of(tool: str, environ: dict[str, str] | None = None) -> ToolSpec:
    (spec,) = load(tool, environ).team.tools
    return spec


def server_of(tool: str) -> McpServerSpec:
    (spec,) = load(tool).team.mcp_servers
    return spec


def problems_of(tool: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(TeamError) as caught:
        load(tool, environ)
    return list(caught.value.problems)


def test_a_tool_has_every_field_that_its_file_has() -> None:
    spec = tool_of(
        """
        name: File Manager
        id: files
        description: Keeps files
        module: my_tools.files
        class: FilesTool
        args: {base_directory: ./data, deep: {list: [1, null, true]}}
        mode: async
        priority: 2
        queue_name: fast
        timeout: 1h30m
        retry: {max_retries: 5, initial_interval: 500ms, backoff_coefficient: 3, maximum_interval: 10m, jitter: 0.1,
                non_retryable: ValueError}
        rate_limit: 30
        approval: {timeout: 1d, on_timeout: approve}
        """
    )
    assert spec == ToolSpec(
        name="File Manager",
        id="files",
        description="Keeps files",
        module="my_tools.files",
        class_name="FilesTool",
        args={"base_directory": "./data", "deep": {"list": [1, None, True]}},
        mode="async",
        priority=2,
        priority_written=True,
        queue_name="fast",
        timeout=timedelta(minutes=90),
        retry=RetrySpec(
            maximum_attempts=6,
            initial_interval=timedelta(milliseconds=500),
            backoff_coefficient=3.0,
            maximum_interval=timedelta(minutes=10),
            jitter=0.1,
            non_retryable=("ValueError",),
        ),
        rate_limit=30,
        approval=ApprovalSpec(timeout=timedelta(days=1), on_timeout="approve"),
    )


def test_what_is_not_written_has_the_documented_default() -> None:
    spec = tool_of("name: api_request")
    assert (spec.mode, spec.priority, spec.priority_written) == (None, 5, False)
    assert (spec.queue_name, spec.timeout, spec.retry, spec.rate_limit, spec.approval) == (None,) * 5
    assert spec.args == {}


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_a_builtin_tool_needs_only_its_name(name: str) -> None:
    spec = tool_of(f"name: {name}")
    assert (spec.module, spec.class_name) == BUILTIN[name]
    assert spec.function_name == name


def test_a_builtin_tool_is_found_by_its_id_or_by_its_name_as_a_slug() -> None:
    assert tool_of("{name: API of the shop, id: api_request}").class_name == "APIRequestTool"
    assert tool_of("name: File Operations").class_name == "FileOperationsTool"


@pytest.mark.parametrize(
    ("name", "function_name"),
    [
        ("File Manager", "file_manager"),
        ("  API  (v2)! ", "api_v2"),
        ("delegate_agent", "delegate_agent"),
        ("get-weather", "get-weather"),
        ("Übersetzer für Café", "ubersetzer_fur_cafe"),
        ("3D Printer", "_3d_printer"),
        ("ac621faa-494b-476a-8fd3-8d75c5c017ac", "ac621faa-494b-476a-8fd3-8d75c5c017ac"),
        ("翻译", ""),
        ("word " * 30, "word_" * 12 + "word"),
    ],
)
def test_a_name_becomes_a_function_name(name: str, function_name: str) -> None:
    assert function_name_of(name) == function_name


@settings(deadline=None)
@given(st.text())
def test_a_function_name_is_one_that_models_take(name: str) -> None:
    slug = function_name_of(name)
    assert slug == "" or all(
        char in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-" for char in slug
    )
    assert len(slug) <= 64
    assert function_name_of(slug) == slug


@pytest.mark.parametrize(
    ("written", "attempts", "first", "factor"),
    [
        ("retry: {maximum_attempts: 3}", 3, 2, 2.0),
        ("retry: {maximum_attempts: 0}", 0, 2, 2.0),
        ("retry: {max_retries: 0}", 1, 2, 2.0),
        ("retry: {initial_interval: 2h}", 4, 7200, 2.0),
        ("retry_config: {max_retries: 5, retry_delay: 60, exponential_backoff: true}", 6, 60, 2.0),
        ("retry_config: {max_retries: 5, retry_delay: 60}", 6, 60, 1.0),
        ("retry_config: {max_retries: 5}", 6, 2, 2.0),
        ("retry_config: {exponential_backoff: false}", 4, 2, 1.0),
        ("error_handling: {max_retries: 3, retry_delay: 30s}", 4, 30, 1.0),
    ],
)
def test_every_spelling_of_retries_is_one_policy(written: str, attempts: int, first: float, factor: float) -> None:
    retry = tool_of(f"name: bash\n{written}").retry
    assert retry is not None
    assert (retry.maximum_attempts, retry.initial_interval.total_seconds(), retry.backoff_coefficient) == (
        attempts,
        first,
        factor,
    )
    assert retry.maximum_interval >= retry.initial_interval


def test_a_dead_letter_queue_is_a_warning() -> None:
    loaded = load("name: bash\nerror_handling: {max_retries: 3, dead_letter_queue: failed_tasks}")
    assert loaded.warnings == (
        "t.yaml:3: tools[0].error_handling.dead_letter_queue: has no effect yet: failed jobs stay in Temporal, "
        "see 'gnosari job list --status failed'",
    )


@pytest.mark.parametrize(
    ("written", "approval"),
    [
        ("true", ApprovalSpec()),
        ("'yes'", ApprovalSpec()),
        ("false", None),
        ("{}", ApprovalSpec()),
        ("{timeout: 10m}", ApprovalSpec(timeout=timedelta(minutes=10))),
        ("${ASK:true}", ApprovalSpec()),
    ],
)
def test_approval_is_yes_no_or_a_section(written: str, approval: ApprovalSpec | None) -> None:
    assert tool_of(f"name: bash\napproval: {written}").approval == approval


def test_both_spellings_of_the_queue_are_read() -> None:
    assert tool_of("name: bash\nqueue: fast").queue_name == "fast"
    assert tool_of("name: bash\nqueue: fast\nqueue_name: fast").queue_name == "fast"


def test_variables_in_structural_keys_are_resolved_and_become_what_the_schema_says() -> None:
    spec = tool_of(
        """
        name: ${NAME}
        module: ${PACKAGE:my_tools}.files
        class: FilesTool
        mode: ${MODE}
        priority: ${PRIORITY}
        timeout: ${TIMEOUT:10m}
        approval: ${ASK}
        """,
        {"NAME": "Files", "MODE": "async", "PRIORITY": "3", "ASK": "false"},
    )
    assert (spec.name, spec.module, spec.mode, spec.priority) == ("Files", "my_tools.files", "async", 3)
    assert spec.timeout == timedelta(minutes=10)
    assert spec.approval is None


def test_variables_in_args_stay_as_written_and_are_listed_for_the_worker() -> None:
    loaded = load(
        "name: api_request\nargs: {base_headers: {Authorization: 'Bearer ${TOKEN}'}, base_url: '${URL:http://x}'}",
        {"TOKEN": "secret", "URL": "http://y"},
    )
    assert loaded.team.tools[0].args == {
        "base_headers": {"Authorization": "Bearer ${TOKEN}"},
        "base_url": "${URL:http://x}",
    }
    assert "secret" not in loaded.team.model_dump_json()
    assert loaded.variables == ("TOKEN",)


def test_the_delegation_tool_is_known_by_each_of_its_modules() -> None:
    for module in (
        "gnosari.tools.builtin.delegation",
        "gnosari.tools.delegation",
        "gnosari.tools.delegate_agent",
        "gnosari_temporal.tools.builtin.delegation",
    ):
        assert tool_of(f"name: D\nmodule: {module}\nclass: DelegateAgentTool").is_delegation
    assert not tool_of("name: D\nmodule: my.delegation\nclass: DelegateAgentTool").is_delegation
    assert not tool_of("name: D\nmodule: gnosari.tools.builtin.delegation\nclass: Other").is_delegation


def test_a_tool_without_arguments_may_say_pass() -> None:
    assert tool_of("name: bash\nargs:\n  pass").args == {}


def test_an_mcp_server_is_known_by_its_url_or_command() -> None:
    web = server_of("{name: Web Search, url: '${MCP_URL}', headers: {X-Key: '${KEY}', X-Version: 2}, timeout: 30}")
    assert web == McpServerSpec(
        name="Web Search",
        connection_type="streamable_http",
        url="${MCP_URL}",
        headers={"X-Key": "${KEY}", "X-Version": "2"},
        timeout=timedelta(seconds=30),
    )
    assert web.key == "web_search"
    files = server_of("{name: fs, command: npx, args: [-y, 8080, '${DIR}'], env: {DEBUG: 1}}")
    assert (files.connection_type, files.args, files.env) == ("stdio", ("-y", "8080", "${DIR}"), {"DEBUG": "1"})
    assert server_of("{name: s, url: http://x, connection_type: sse}").connection_type == "sse"


@pytest.mark.parametrize(
    ("tool", "problem"),
    [
        ("name: bash\nmode: asinc", "3: tools[0].mode: must be 'sync' or 'async', not 'asinc'; did you mean 'async'?"),
        ("name: bash\npriority: 11", "3: tools[0].priority: must be from 1 to 10, not 11"),
        ("name: bash\npriority: 0", "3: tools[0].priority: must be from 1 to 10, not 0"),
        ("name: bash\npriority: high", "3: tools[0].priority: must be a whole number, not 'high'"),
        ("name: bash\npriority: true", "3: tools[0].priority: must be a number, not true"),
        ("name: bash\npriority: 2.5", "3: tools[0].priority: must be a whole number, not 2.5"),
        ("name: bash\npriorty: 2", "3: tools[0].priorty: unknown key; did you mean 'priority'?"),
        ("name: bash\nzzz: 2", "3: tools[0].zzz: unknown key; known are approval, args, class, description,"),
        ("name: bash\nargs: [1]", "3: tools[0].args: must be a mapping of keys to values, not a list"),
        ("name: bash\nid: 42", "3: tools[0].id: must be text, not 42: write it in quotes"),
        ("name: ''", "2: tools[0].name: must not be empty"),
        ("id: x", "2: tools[0]: 'name' is missing"),
        ("name:\nid: bash", "2: tools[0]: 'name' is missing"),
        ("name: bash\nqueue: a,b", "3: tools[0].queue: must be a queue name without spaces, commas and '=', not 'a,b'"),
        ("name: bash\nqueue: a\nqueue_name: b", "3: tools[0].queue: is written as 'queue_name' too; keep one"),
        ("name: bash\ntimeout: soon", "3: tools[0].timeout: 'soon' is no duration: write seconds as a number, or"),
        ("name: bash\ntimeout: 0", "3: tools[0].timeout: must be longer than 0s"),
        ("name: bash\ntimeout: -5", "3: tools[0].timeout: -5 is no duration"),
        ("name: bash\nrate_limit: 0", "3: tools[0].rate_limit: must be more than 0, not 0"),
        ("name: bash\nretry: 5", "3: tools[0].retry: must be a mapping of keys to values, not 5"),
        ("name: bash\nretry:\n  jitter: 2", "4: tools[0].retry.jitter: must be from 0 to 1, not 2"),
        ("name: bash\nretry: {max_retries: -1}", "3: tools[0].retry.max_retries: must be 0 or more, not -1"),
        ("name: bash\nretry: {max_retries: 1, maximum_attempts: 1}", "3: tools[0].retry.max_retries: 'maximum_attem"),
        ("name: bash\nretry: {initial_interval: 1m, maximum_interval: 1s}", "must not be shorter than initial_inter"),
        ("name: bash\nretry: {}\nretry_config: {}", "4: tools[0].retry_config: the retry policy is written as 'retr"),
        ("name: bash\nretry_config: {retry_dely: 1}", "tools[0].retry_config.retry_dely: unknown key; did you mean"),
        ("name: bash\nerror_handling: {dead_letter_queue: 'a b'}", "error_handling.dead_letter_queue: must be a que"),
        ("name: bash\napproval: maybe", "3: tools[0].approval: must be true or false, not 'maybe'"),
        ("name: bash\napproval: {on_timeout: ask}", "3: tools[0].approval.on_timeout: must be 'reject', 'approve' or"),
        ("name: Files", "2: tools[0]: needs 'module' and 'class': 'Files' is no builtin tool"),
        ("name: api_requests", "needs 'module' and 'class': 'api_requests' is no builtin tool; did you mean 'api_req"),
        ("name: X\nmodule: a.b", "3: tools[0].module: needs 'class' beside it"),
        ("name: X\nclass: B", "3: tools[0].class: needs 'module' beside it"),
        ("name: X\nmodule: a-b\nclass: C", "3: tools[0].module: must be the path of a Python module, as in packag"),
        ("name: X\nmodule: a.b\nclass: C.D", "4: tools[0].class: must be the name of a Python class, not 'C.D'"),
        ("name: 翻译\nmodule: a.b\nclass: C", "2: tools[0].name: '翻译' has no Latin letter or digit: write an id"),
        ("name: check_tasks\nmodule: a.b\nclass: C", "2: tools[0]: is called 'check_tasks', as a tool of the engine"),
        ("name: delegate_agent\nmodule: a.b\nclass: C", "2: tools[0]: is called 'delegate_agent', as delegation is"),
        (
            "name: sh\nmode: async\nmodule: gnosari.tools.x\nclass: InteractiveBashOperationsTool",
            "3: tools[0].mode: InteractiveBashOperationsTool keeps a process open and cannot be async",
        ),
        ("name: S\nurl: http://x\ncommand: y", "3: tools[0].url: means nothing to a server of connection_type 'stdio'"),
        ("name: S\nconnection_type: stdio", "2: tools[0]: an MCP server of connection_type 'stdio' needs 'command'"),
        ("name: S\nconnection_type: http\nurl: x", "must be 'streamable_http', 'sse' or 'stdio', not 'http'"),
        ("name: S\ncommand: x\nmode: async", "4: tools[0].mode: unknown key; known are args, client_session_timeout"),
        ("name: S\nurl: x\nheaders: {A: [1]}", "4: tools[0].headers.A: must be text, not a list"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_is_allowed(tool: str, problem: str) -> None:
    found = problems_of(tool)
    assert any(problem in line for line in found), found
    assert all(line.startswith("t.yaml:") for line in found)


def test_a_missing_variable_and_a_bad_value_of_one_are_named() -> None:
    assert problems_of("name: bash\nmode: ${MODE}") == [
        "t.yaml:3: tools[0].mode: ${MODE} is not set: set MODE, or write ${MODE:default}"
    ]
    assert problems_of("name: bash\npriority: ${P}", {"P": "high"}) == [
        "t.yaml:3: tools[0].priority: must be a whole number, not 'high' (from '${P}')"
    ]


def test_two_tools_that_a_model_could_not_tell_apart_are_an_error() -> None:
    with pytest.raises(TeamError) as caught:
        parse_team("tools:\n  - name: bash\n  - {name: Other, id: bash, module: a, class: B}\n", "t.yaml", {})
    assert caught.value.problems == (
        "t.yaml:3: tools[1]: the tool in line 2 is called 'bash' too: give each its own id",
    )


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    lines = problems_of("name: bash\npriority: 11\nmode: x\ntimeout: y\nargs: 3")
    assert [line.split(":")[1] for line in lines] == ["3", "4", "5", "6"]


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_times = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=10_000))
tool_specs = st.builds(
    ToolSpec,
    name=st.text(min_size=1),
    id=st.none() | st.text(min_size=1),
    description=st.none() | st.text(),
    module=st.just("a.b"),
    class_name=st.just("C"),
    args=st.dictionaries(st.text(), _json, max_size=3),
    mode=st.sampled_from([None, "sync", "async"]),
    priority=st.integers(1, 10),
    priority_written=st.booleans(),
    queue_name=st.none() | st.text(),
    timeout=st.none() | _times,
    retry=st.none() | st.builds(RetrySpec, initial_interval=_times, maximum_attempts=st.integers(0, 99)),
    rate_limit=st.none() | st.floats(min_value=0.1, max_value=1e6),
    approval=st.none() | st.builds(ApprovalSpec, timeout=st.none() | _times),
)


@settings(deadline=None)
@given(tool_specs, st.booleans())
def test_a_spec_survives_json(spec: ToolSpec, by_alias: bool) -> None:
    assert ToolSpec.model_validate_json(spec.model_dump_json(by_alias=by_alias)) == spec
