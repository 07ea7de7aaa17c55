"""Signatures and canvases of the shim, without a server."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from typing import Any

import pytest

from gnosari_temporal.celery import Celery, chain, chord, chunks, group, signature
from gnosari_temporal.celery.canvas import Signature, maybe_signature
from gnosari_temporal.celery.exceptions import SoftTimeLimitExceeded
from gnosari_temporal.celery.planning import plan
from gnosari_temporal.celery.soft_limit import within_soft_limit, within_soft_limit_async
from gnosari_temporal.celery.wire import CallNode, GroupNode
from gnosari_temporal.errors import InvalidMessage


@pytest.fixture
def app() -> Celery:
    app = Celery("canvas")

    @app.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    app.conf.task_always_eager = True
    return app


def test_a_signature_is_a_dict_that_survives_json(app: Celery) -> None:
    made = app.tasks["add"].s(1, 2).set(priority=3)

    again = maybe_signature(json.loads(json.dumps(made)), app=app)

    assert (again, again.args, again.options) == (again, (1, 2), {"priority": 3})
    assert again.apply().get() == made() == signature("add", (1, 2), app=app).apply().get() == 3
    assert maybe_signature(7) == 7


def test_partial_arguments_go_first_and_immutable_ones_stay(app: Celery) -> None:
    add = app.tasks["add"]

    assert add.s(2).clone((1,)).args == (1, 2)
    assert add.si(2).clone((1,)).args == (2,)
    assert add.s(2).delay(1).get() == 3


def test_a_copy_shares_nothing(app: Celery) -> None:
    made = app.tasks["add"].s([1])
    copied = copy.deepcopy(made)
    copied.set(queue="x").link(made)

    assert made.options == {}


def test_pipes_make_chains_and_chords(app: Celery) -> None:
    add, total = app.tasks["add"], app.tasks["total"]

    assert (add.s(1, 2) | add.s(3) | add.s(4))().get() == 10
    assert (group(add.s(1, 2), add.s(3, 4)) | total.s())().get() == 10
    assert isinstance(group(add.s(1, 2)) | total.s(), chord)
    assert chain(add.s(1, 1), group(add.s(1), add.s(2)), total.s())().get() == 7
    assert chain([add.s(1, 1)]) == add.s(1, 1)
    assert add.chunks([(1, 1), (2, 2), (3, 3)], 2)().get() == [[2, 4], [6]]
    assert isinstance(add.chunks([], 2), chunks)


def test_an_eager_chain_stops_at_a_failure_and_calls_back(app: Celery) -> None:
    told: list[Any] = []

    @app.task
    def fail() -> None:
        raise ValueError("broken")

    @app.task
    def on_error(request: Any, exc: Exception, traceback: str) -> None:
        told.append((type(exc), request.task))

    result = chain(fail.s().on_error(on_error.s()), app.tasks["add"].s(1))()

    assert (result.state, told) == ("FAILURE", [(ValueError, fail.name)])


async def test_a_coroutine_runs_eagerly_also_where_an_event_loop_runs(app: Celery) -> None:
    @app.task
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    assert double.apply((2,)).get() == 4


def test_a_plan_is_a_tree_with_ids_roots_and_parents(app: Celery) -> None:
    add, total = app.tasks["add"], app.tasks["total"]

    node = plan(app, chain(add.s(1, 2), group(add.s(3), add.s(4)), total.s().set(task_id="end"))).node

    assert isinstance(node, CallNode)
    first, header = node.before
    assert isinstance(first, CallNode)
    assert isinstance(header, GroupNode)
    assert (node.job, node.message["root_id"]) == ("task/end", first.job.removeprefix("task/"))
    assert [part.message["group_id"] for part in header.nodes if isinstance(part, CallNode)] == [header.id] * 2


def test_options_of_a_whole_go_to_its_first_call_or_its_body(app: Celery) -> None:
    add, total = app.tasks["add"], app.tasks["total"]

    begun = plan(app, chain(add.s(1, 2), add.s(3)), options={"queue": "x", "countdown": 5})
    ended = plan(app, chord([add.s(1, 2)], total.s()), options={"queue": "x"}).node

    assert begun.start == {"countdown": 5}
    assert [begun.node.before[0].options.queue, begun.node.options.queue] == ["x", "celery"]
    assert [ended.before[0].options.queue, ended.options.queue] == ["celery", "x"]


def test_a_group_within_a_group_is_taken_apart_and_a_large_one_is_cut(app: Celery) -> None:
    add = app.tasks["add"]

    small = plan(app, group(add.s(1, 1), group(add.s(2, 2), add.s(3, 3)))).node
    large = plan(app, group(add.s(x, x) for x in range(1001))).node

    assert isinstance(small, GroupNode)
    assert isinstance(large, GroupNode)
    assert len(small.nodes) == 3
    assert (large.sliced, [len(part.nodes) for part in large.nodes if isinstance(part, GroupNode)]) == (
        True,
        [500, 500, 1],
    )


def test_what_cannot_be_sent_is_refused(app: Celery) -> None:
    for wrong in (chain(), chord([app.tasks["add"].s(1, 1)])):
        with pytest.raises(InvalidMessage):
            plan(app, wrong)
    with pytest.raises(InvalidMessage, match="no signature"):
        group("add")
    with pytest.raises(InvalidMessage, match="no signature"):
        app.tasks["add"].apply_async((1, 1), link="add") if not app.conf.update(task_always_eager=False) else None


def test_a_soft_limit_is_raised_in_the_body_and_not_after_it() -> None:
    around = within_soft_limit(0.05)
    assert around is not None

    def busy() -> str:
        try:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                time.sleep(0.005)
        except SoftTimeLimitExceeded:
            return "tidied"
        return "late"

    assert around(busy) == "tidied"
    assert around(lambda: "quick") == "quick"
    time.sleep(0.1)


async def test_a_soft_limit_is_raised_where_a_coroutine_waits() -> None:
    around = within_soft_limit_async(0.05)
    assert around is not None

    async def wait() -> str:
        try:
            await asyncio.sleep(5)
        except SoftTimeLimitExceeded:
            await asyncio.sleep(0.01)
            return "tidied"
        return "late"

    assert await around(wait()) == "tidied"
    assert await around(asyncio.sleep(0, "quick")) == "quick"
    outer = asyncio.ensure_future(around(asyncio.sleep(5)))
    await asyncio.sleep(0.01)
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer


def test_signatures_hold_what_is_set_on_them(app: Celery) -> None:
    made: Signature = app.tasks["add"].signature((1,), {"y": 2}, queue="q", immutable=True)

    assert (made.task, made.kwargs, made.options, made.immutable) == ("add", {"y": 2}, {"queue": "q"}, True)
    assert made.freeze("given").id == made.id == "given"
    assert made.type is app.tasks["add"]
