"""Queues of tools with a rate limit."""

from __future__ import annotations

import pytest

from gnosari_temporal import Application, Settings
from gnosari_temporal.agents import parse_team
from gnosari_temporal.errors import ProjectError
from gnosari_temporal.routing import Routing
from gnosari_temporal.settings import QueueLimit
from gnosari_temporal.worker.tool_queues import with_tool_queues
from gnosari_temporal.worker.worker import default_queues

TEAM = """
tools:
  - {name: limited, module: my_tools, class: Search, rate_limit: 30, queue_name: QUEUE}
  - {name: limited_too, module: my_tools, class: Search, rate_limit: 6000}
  - {name: free, module: my_tools, class: Search, queue_name: third}
"""
SETTINGS = Settings(default_queue="q", concurrency=4)


def application(*teams: str) -> Application:
    made = Application.build(SETTINGS)
    for text in teams:
        made.add_team(parse_team(text).team)
    return made


def test_a_worker_serves_the_queues_of_its_teams_and_those_of_their_limited_tools() -> None:
    # given
    worker = application(TEAM.replace("QUEUE", "other"))

    # when
    settings, queues = with_tool_queues(SETTINGS, default_queues(SETTINGS, worker), worker.limited_tools)

    # then
    assert queues == {"other": 4, "q": 4, "third": 4, "other.tool.limited": 4, "q.tool.limited_too": 4}
    assert settings.limits == {
        "other.tool.limited": QueueLimit(per_second=0.5),
        "q.tool.limited_too": QueueLimit(per_second=100),
    }


def test_the_queue_of_a_limited_tool_is_served_where_the_one_that_it_branches_from_is() -> None:
    worker = application(TEAM.replace("QUEUE", "other"))

    _, queues = with_tool_queues(SETTINGS, {"q": 3}, worker.limited_tools)

    assert queues == {"q": 3, "q.tool.limited_too": 3}


def test_two_teams_that_limit_one_tool_differently_are_an_error_and_alike_they_share_it() -> None:
    # given
    team = TEAM.replace("QUEUE", "q")
    alike, apart = application(team, team), application(team, team.replace("rate_limit: 30", "rate_limit: 60"))

    # then
    with_tool_queues(SETTINGS, {"q": 3}, alike.limited_tools)
    with pytest.raises(ProjectError, match="two teams limit the tool 'limited' on queue 'q', to 30 and 60 calls"):
        with_tool_queues(SETTINGS, {"q": 3}, apart.limited_tools)


def test_a_limit_of_the_settings_wins() -> None:
    written = SETTINGS.model_copy(update={"limits": {"q.tool.limited": QueueLimit(per_second=9)}})

    settings, _ = with_tool_queues(written, {"q": 3}, application(TEAM.replace("QUEUE", "q")).limited_tools)

    assert settings.limits["q.tool.limited"].per_second == 9


def test_the_queue_of_a_limited_tool_has_the_ordinary_lane_alone() -> None:
    routing = Routing.of(SETTINGS)

    assert routing.task_queue("q", 1) == "q.express"
    assert routing.task_queue("q.tool.express", 1) == "q.tool.express"


def test_a_delegation_is_not_limited() -> None:
    team = "tools: [{name: d, module: gnosari.tools.builtin.delegation, class: DelegateAgentTool, rate_limit: 5}]"

    settings, queues = with_tool_queues(SETTINGS, {"q": 3}, application(team).limited_tools)

    assert (settings.limits, queues) == ({}, {"q": 3})
