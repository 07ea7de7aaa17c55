"""The message of a tool call: its identity and what a list of jobs shows of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gnosari_temporal.tools.messages import ToolExecutionMessage
from gnosari_temporal.tools.spec import ToolSpec

WHICH = {"tool_name": "files", "tool_module": "m", "tool_class": "C"}


def test_task_and_message_have_one_id_unless_both_are_given() -> None:
    alone = ToolExecutionMessage(**WHICH)
    task = ToolExecutionMessage(task_id="t", **WHICH)
    message = ToolExecutionMessage(message_id="m", **WHICH)
    both = ToolExecutionMessage(task_id="t", message_id="m", **WHICH)

    assert alone.task_id == alone.message_id
    assert (task.message_id, message.task_id) == ("t", "m")
    assert (both.task_id, both.message_id) == ("t", "m")
    assert ToolExecutionMessage.from_dict(alone.to_dict()) == alone
    alone.priority = 3
    assert alone.task_id == alone.message_id


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        ({"content": "data", "file_path": "report.txt", "operation": "write"}, "files write report.txt"),
        ({"method": "GET", "endpoint": "/users", "headers": {"a": "b"}}, "files GET /users"),
        ({"query": "SELECT *\n FROM t", "api_key": "hidden", "limit": 5}, "files SELECT * FROM t 5"),
        ({"flag": True, "none": None, "list": [1]}, "files"),
        ({"url": "x" * 100}, "files " + "x" * 59 + "…"),
        ({}, "files"),
    ],
)
def test_the_summary_has_the_tool_and_what_says_best_what_it_does(arguments: dict[str, Any], summary: str) -> None:
    message = ToolExecutionMessage(tool_args=json.dumps(arguments), **WHICH)

    assert message.job_summary() == summary


@pytest.mark.parametrize("text", ["", "no JSON", "[1, 2]", "{"])
def test_arguments_that_are_no_object_do_not_disturb_the_summary(text: str) -> None:
    assert ToolExecutionMessage(tool_args=text, **WHICH).job_summary() == "files"


def test_the_message_of_a_call_has_what_the_team_file_says_of_the_tool() -> None:
    # given
    spec = ToolSpec(name="My Files", module="m", args={"token": "${TOKEN}"}, priority=7, **{"class": "C"})

    # when
    message = ToolExecutionMessage.of_call(spec, {"path": "ä"}, team="T", session_id="s", agent_id="A", priority=2)

    # then
    assert (message.tool_name, message.tool_module, message.tool_class) == ("my_files", "m", "C")
    assert message.tool_init_args == {"token": "${TOKEN}"}
    assert message.tool_args == '{"path": "ä"}'
    assert message.priority == 2
    assert message.job_attributes() == {
        "GnosariTool": "my_files",
        "GnosariTeam": "T",
        "GnosariAgent": "A",
        "GnosariSession": "s",
    }
    assert message.context_data == {
        "context_wrapper": {"context": {"session_id": "s", "session_context": {"team": "T"}}, "agent_id": "A"}
    }
