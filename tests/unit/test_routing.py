"""Routing: queues, lanes, priority keys, ids and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnosari_temporal import BaseMessage, Settings
from gnosari_temporal.routing import (
    Routing,
    derived_message_id,
    job_id,
    lane_slots,
    parse_queues,
    split_job_id,
    temporal_priority,
)
from gnosari_temporal.settings import Lane

priorities = st.integers(1, 10)


class Plain(BaseMessage):
    pass


class Declared(BaseMessage):
    default_queue = "declared_queue"


def routing(**values: object) -> Routing:
    return Routing.of(Settings.model_validate(values))


def test_the_send_decides_before_the_consumer_the_message_the_routes_and_the_default() -> None:
    here = routing(default_queue="default", routes={"Plain": "routed", "Declared": "never"})
    assert here.queue(Plain, "of_send", "of_consumer") == "of_send"
    assert here.queue(Plain, None, "of_consumer") == "of_consumer"
    assert here.queue(Declared, None, None) == "declared_queue"
    assert here.queue(Plain, None, None) == "routed"
    assert routing(default_queue="default").queue(Plain) == "default"


@pytest.mark.parametrize(
    "pattern", ["Plain", "Pl*", f"{Plain.__module__}.*", f"{Plain.__module__}.Plain", "shop.tasks.*"]
)
def test_a_route_matches_the_name_the_module_and_the_task(pattern: str) -> None:
    here = routing(routes={pattern: "routed"})
    assert here.queue(Plain, task="shop.tasks.order") == "routed"


def test_the_first_matching_route_wins() -> None:
    assert routing(routes={"P*": "first", "Plain": "second"}).queue(Plain) == "first"


@given(priorities)
def test_the_first_three_priorities_run_on_the_express_lane(priority: int) -> None:
    expected = "orders.express" if priority <= 3 else "orders"
    assert routing().task_queue("orders", priority) == expected


@given(priorities)
def test_without_lanes_every_priority_runs_on_the_queue_itself(priority: int) -> None:
    assert routing(lanes=()).task_queue("orders", priority) == "orders"


@given(st.integers(1, 10), priorities, priorities)
def test_a_higher_priority_never_gets_a_lower_key_on_a_server_with_any_number_of_levels(
    levels: int, one: int, other: int
) -> None:
    here = routing(priority_levels=levels)
    keys = here.priority_key(one), here.priority_key(other)
    assert all(1 <= key <= levels for key in keys)
    assert one >= other or keys[0] <= keys[1]


@given(priorities)
def test_ten_levels_take_the_number_as_it_is_and_five_halve_it_upwards(priority: int) -> None:
    assert routing(priority_levels=10).priority_key(priority) == priority
    assert routing(priority_levels=5).priority_key(priority) == (priority + 1) // 2


@given(st.integers(1, 1000), st.one_of(st.none(), st.integers(1, 100)), st.one_of(st.none(), st.integers(1, 100)))
def test_a_lane_has_its_own_slots_else_the_setting_else_half_at_least_one(
    concurrency: int, express: int | None, own: int | None
) -> None:
    lane = Lane(name="fast", priorities=(1, 1), slots=own)
    assert lane_slots(lane, concurrency, express) == (own or express or max(1, concurrency // 2))


@given(st.text(st.characters(categories=("L", "N")), min_size=1), st.text(min_size=1))
def test_a_job_id_is_split_into_what_it_was_made_of(message_type: str, message_id: str) -> None:
    assert split_job_id(job_id(message_type, message_id)) == (message_type, message_id)


def test_an_id_of_another_make_has_no_type() -> None:
    assert split_job_id("made-elsewhere") == ("", "made-elsewhere")


def test_derived_ids_are_the_same_each_time_and_differ_by_call() -> None:
    assert derived_message_id("A/1", "1.1") == derived_message_id("A/1", "1.1") != derived_message_id("A/1", "1.2")


def test_derived_ids_stay_short_and_apart_however_many_jobs_send_one_another() -> None:
    generations = ["first"]
    for _ in range(60):
        generations.append(derived_message_id(job_id("MyFeatureMessage", generations[-1]), "1.1"))

    assert all(len(message_id) <= 200 for message_id in generations)
    assert len(set(generations)) == len(generations)
    assert derived_message_id(generations[-1], "1.1") != derived_message_id(generations[-1], "1.2")


@given(st.text())
def test_a_fairness_key_is_cut_to_what_the_server_takes(key: str) -> None:
    cut = temporal_priority(5, key).fairness_key
    assert cut is not None
    assert len(cut.encode()) <= 64
    assert key.startswith(cut)


def test_queues_are_written_with_and_without_slots() -> None:
    assert parse_queues(["a,b=4", " c = 2 "], 10) == {"a": 10, "b": 4, "c": 2}


@pytest.mark.parametrize("text", ["=4", "a=0", "a=-1", "a=many", "a="])
def test_a_queue_written_wrongly_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="write NAME or NAME=SLOTS"):
        parse_queues([text], 10)
