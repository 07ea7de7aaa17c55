"""Calls of tasks on a real server: what the forty programs do not see."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gnosari_temporal import BaseConsumer, BaseMessage, blocking
from gnosari_temporal.celery import AsyncResult, Celery, Task, chain, chord, group, task_of
from gnosari_temporal.celery.exceptions import SoftTimeLimitExceeded, TaskRevokedError, TimeLimitExceeded
from gnosari_temporal.celery.result import GroupResult
from gnosari_temporal.errors import InvalidMessage, JobNotFound

from .conftest import StartWorker

WAIT = 20


class Order(BaseMessage):
    number: int
    fail: int = 0


class OrderConsumer(BaseConsumer[Order, str]):
    async def process(self, message: Order) -> str:
        if message.retry_count < message.fail:
            raise OSError("away")
        return f"order {message.number} after {message.retry_count}"


def name_of(test: str) -> str:
    return f"{test}.{uuid.uuid4().hex[:8]}"


def until(reached: Any) -> None:
    deadline = time.monotonic() + WAIT
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_chain_goes_on_over_a_restart_of_the_worker(app: Celery, start_worker: StartWorker) -> None:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    first = start_worker()
    result = chain(add.s(1, 2), add.s(3).set(countdown=1.5), add.s(4))()
    until(lambda: result.parent.parent.state == "SUCCESS")
    first.stop()

    assert (result.state, result.parent.state) == ("PENDING", "PENDING")
    assert AsyncResult(result.id, app=app).state == "PENDING"
    start_worker()
    assert result.get(timeout=WAIT) == 10


def test_calls_behind_a_failure_fail_alike_for_everyone_who_asks(app: Celery, start_worker: StartWorker) -> None:
    told: list[str] = []

    @app.task
    def fail() -> None:
        raise ValueError("broken")

    @app.task
    def after(value: Any = None) -> None: ...

    @app.task
    def on_error(request: Any, exc: Exception, traceback: str) -> None:
        told.append(f"{request.id} {exc!r} {'ValueError: broken' in traceback}")

    start_worker()
    result = chain(fail.s(), after.s(), group(after.s(), after.s()), after.s(), link_error=on_error.s())()

    with pytest.raises(ValueError, match="broken"):
        result.get(timeout=WAIT)
    ids = [result.id, *(member.id for member in result.parent.results), result.parent.parent.id]
    until(lambda: all(AsyncResult(id, app=app).ready() for id in ids))
    assert {AsyncResult(id, app=app).state for id in ids} == {"FAILURE"}
    first = result.parent.parent.parent
    until(lambda: told)
    assert told == [f"{first.id} ValueError('broken') True"]


def test_a_group_larger_than_a_slice_is_cut_and_its_results_stay_in_order(
    app: Celery, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gnosari_temporal.celery.planning.MOST_AT_ONCE", 2)

    @app.task
    def square(x: int) -> int:
        return x * x

    @app.task
    def collect(values: list[int]) -> list[int]:
        return values

    start_worker()
    plain = group(square.s(x) for x in range(5)).delay()
    result = chord((square.s(x) for x in range(5)), collect.s())()

    assert plain.get(timeout=WAIT) == result.get(timeout=WAIT) == [0, 1, 4, 9, 16]
    restored = GroupResult.restore(plain.id, app=app)
    assert restored is not None
    assert (restored.results, restored.join(timeout=WAIT)) == (plain.results, plain.get())
    assert GroupResult.restore("no-such-group") is None


def test_a_result_that_is_ignored_reaches_what_comes_after(app: Celery, start_worker: StartWorker) -> None:
    linked: list[int] = []

    @app.task(ignore_result=True)
    def one() -> int:
        return 1

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    @app.task
    def link(x: int) -> None:
        linked.append(x)

    start_worker()
    sent = one.apply_async(link=link.s())
    again = AsyncResult(sent.id, app=app)

    assert chain(one.s(), add.s(2))().get(timeout=WAIT) == 3
    assert (sent.get(), again.get(timeout=WAIT), again.state) == (None, None, "SUCCESS")
    until(lambda: linked)
    assert linked == [1]


def test_results_that_are_too_large_together_fail_the_body(app: Celery, start_worker: StartWorker) -> None:
    @app.task
    def large() -> str:
        return "x" * 1_200_000

    @app.task
    def body(values: Any) -> None: ...

    start_worker()
    header, second = chord([large.s(), large.s()])(body.s()), chain(large.s(), body.s("y" * 1_200_000))()

    with pytest.raises(Exception, match=r"2,400,0.. bytes, the limit is") as refused:
        header.get(timeout=WAIT)
    assert type(refused.value).__name__ in ("ChordError", "ResultTooLarge")
    with pytest.raises(Exception, match=r"bytes with the results before it.*return the address"):
        second.get(timeout=WAIT)


def test_the_error_callback_of_a_chord_is_told_of_the_chord_error(app: Celery, start_worker: StartWorker) -> None:
    told: list[str] = []

    @app.task
    def part(x: int) -> int:
        if x:
            raise ValueError("broken")
        return x

    @app.task
    def body(values: list[int]) -> None: ...

    @app.task
    def on_error(request: Any, exc: Exception, traceback: str) -> None:
        told.append(f"{request.id} {type(exc).__name__}")

    @app.task
    def by_id(task_id: str) -> None:
        told.append(task_id)

    start_worker()
    result = chord([part.s(0), part.s(1)])(body.s().on_error(on_error.s()).on_error(by_id.s()))

    until(lambda: len(told) == 2)
    assert sorted(told) == sorted([f"{result.id} ChordError", result.id])


def test_a_hard_time_limit_fails_the_call_and_tells_its_hooks(app: Celery, start_worker: StartWorker) -> None:
    told: list[str] = []

    class Told(Task):
        def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            told.append(f"on_failure {type(exc).__name__}")

        def after_return(self, status: str, *_: Any) -> None:
            told.append(f"after_return {status}")

    @app.task(base=Told, time_limit=0.5)
    def busy() -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.01)

    start_worker()
    result = busy.delay()

    with pytest.raises(TimeLimitExceeded):
        result.get(timeout=WAIT)
    assert result.state == "FAILURE"
    assert told == ["on_failure TimeLimitExceeded", "after_return FAILURE"]


def test_a_coroutine_is_a_task_with_soft_limit_and_calls_of_its_own(app: Celery, start_worker: StartWorker) -> None:
    @app.task
    async def slow() -> str:
        try:
            await asyncio.sleep(30)
        except SoftTimeLimitExceeded:
            await asyncio.sleep(0)
            return "tidied"
        return "late"

    @app.task
    def leaf() -> int:
        return 1

    @app.task(bind=True)
    async def parent(self: Any) -> str:
        await asyncio.sleep(0)
        return str(leaf.delay().id)

    start_worker()
    tidied, sent = slow.apply_async(soft_time_limit=0.3), parent.delay()

    assert tidied.get(timeout=WAIT) == "tidied"
    child = sent.get(timeout=WAIT)
    assert [each.id for each in sent.children] == [child]
    assert AsyncResult(child, app=app).get(timeout=WAIT) == 1


async def test_a_result_is_awaited_in_a_coroutine(app: Celery, start_worker: StartWorker) -> None:
    @app.task
    def add(x: int, y: int) -> int:
        if y < 0:
            raise ValueError("negative")
        return x + y

    await asyncio.to_thread(start_worker)

    assert await add.delay(1, 2) == 3
    assert await group(add.s(1, 1), add.s(2, 2)).delay() == [2, 4]
    with pytest.raises(ValueError, match="negative"):
        await add.delay(1, -1)


def test_priorities_of_both_styles_reach_the_job(app: Celery, start_worker: StartWorker) -> None:
    @app.task(bind=True)
    def look(self: Any) -> Any:
        return [self.request.delivery_info["priority"], self.request.delivery_info["routing_key"]]

    start_worker()
    ours = look.apply_async(priority=1)
    seen = ours.get(timeout=WAIT)
    app.conf.gnosari_priority_style = "celery"
    theirs = look.apply_async(priority=0)

    assert seen == [1, app.conf.task_default_queue]
    assert theirs.get(timeout=WAIT)[0] == 0
    assert [blocking.job(f"task/{each.id}").status().priority for each in (ours, theirs)] == [1, 1]
    with pytest.raises(InvalidMessage, match=r"priority 10 is not one of 0 to 9.*gnosari_priority_style = 'gnosari'"):
        look.apply_async(priority=10)


def test_a_call_that_is_revoked_while_it_runs_does_not_run_again(app: Celery, start_worker: StartWorker) -> None:
    started, attempts = threading.Event(), []

    @app.task(bind=True)
    def again(self: Any) -> None:
        attempts.append(self.request.retries)
        started.set()
        time.sleep(0.3)
        raise self.retry(countdown=0)

    start_worker()
    result = again.delay()
    started.wait(WAIT)
    result.revoke()

    with pytest.raises(TaskRevokedError):
        result.get(timeout=WAIT)
    assert (result.state, attempts) == ("REVOKED", [0])


def test_a_call_without_a_worker_is_pending_and_is_revoked_all_the_same(app: Celery) -> None:
    result = app.send_task("no.such.task", queue=f"nobody-{uuid.uuid4().hex}")

    assert result.state == "PENDING"
    result.revoke()
    assert (result.state, result.ready()) == ("REVOKED", True)


def test_a_result_that_is_unknown_forgotten_or_too_old_says_so(app: Celery, start_worker: StartWorker) -> None:
    @app.task
    def one() -> int:
        return 1

    @app.task
    def wait() -> int:
        time.sleep(0.5)
        return 1

    start_worker()
    with pytest.raises(JobNotFound, match="no-such-id"):
        app.AsyncResult("no-such-id").get(timeout=WAIT)
    result, running = one.delay(), wait.delay()
    running.forget()
    assert result.get(timeout=WAIT) == 1
    app.conf.result_expires = timedelta(microseconds=1)
    assert app.AsyncResult(result.id).state == "UNKNOWN"
    app.conf.result_expires = None
    assert app.AsyncResult(result.id).state == "SUCCESS"
    until(lambda: app.AsyncResult(running.id).state == "UNKNOWN")


def test_the_same_task_id_is_one_call_until_it_fails(app: Celery, start_worker: StartWorker) -> None:
    ran: list[int] = []

    @app.task
    def count(x: int) -> int:
        ran.append(x)
        if x == 0:
            raise ValueError("no")
        return x

    start_worker()
    id, other = str(uuid.uuid4()), str(uuid.uuid4())

    assert [count.apply_async((x,), task_id=id).get(timeout=WAIT) for x in (1, 2)] == [1, 1]
    with pytest.raises(ValueError, match="no"):
        count.apply_async((0,), task_id=other).get(timeout=WAIT)
    assert count.apply_async((3,), task_id=other).get(timeout=WAIT) == 3
    assert ran == [1, 0, 3]


def test_retries_without_end_go_over_into_another_run_of_the_workflow(
    app: Celery, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gnosari_temporal.celery.workflow.ATTEMPTS_PER_RUN", 3)

    @app.task(bind=True, max_retries=None)
    def count(self: Any, seen: list[int]) -> list[int]:
        seen = [*seen, self.request.retries]
        if len(seen) < 8:
            raise self.retry(args=[seen], countdown=0)
        return seen

    @app.task
    def linked(seen: list[int]) -> int:
        return len(seen)

    start_worker()
    result = count.apply_async(([],), link=linked.s())

    assert result.get(timeout=WAIT) == list(range(8))
    assert result.children[0].get(timeout=WAIT) == 8


def test_a_countdown_in_a_chain_counts_from_when_its_turn_has_come(app: Celery, start_worker: StartWorker) -> None:
    @app.task
    def now(before: list[float] | None = None) -> list[float]:
        return [*(before or []), time.time()]

    start_worker()
    sent = time.time()
    first, second = chain(now.s(), now.s().set(countdown=0.6)).apply_async(countdown=0.6).get(timeout=WAIT)

    assert (first - sent >= 0.55, second - first >= 0.55) == (True, True)


def test_an_eta_without_zone_is_in_the_zone_of_the_app(app: Celery, start_worker: StartWorker) -> None:
    @app.task(bind=True)
    def eta(self: Any) -> Any:
        return self.request.eta

    app.conf.timezone = "America/New_York"
    start_worker()
    naive = (datetime.now(UTC) + timedelta(seconds=0.5)).astimezone(app.conf.zone).replace(tzinfo=None)

    found = eta.apply_async(eta=naive).get(timeout=WAIT)

    assert found == naive.replace(tzinfo=app.conf.zone)


def test_a_consumer_is_a_task_that_goes_by_its_message(app: Celery, start_worker: StartWorker) -> None:
    app.conf.task_retry_delay = 0
    order = task_of(OrderConsumer, app)

    @app.task
    def shout(text: str) -> str:
        return f"{text}!"

    @app.task
    def plain() -> None: ...

    start_worker()
    message = Order(number=7, fail=1)
    sent, again = order.delay(message.to_dict()), order.delay(message)

    assert sent.id == again.id == message.message_id
    assert sent.get(timeout=WAIT) == order.AsyncResult(message.message_id).get(timeout=WAIT) == "order 7 after 1"
    assert app.AsyncResult(message.message_id).state == "SUCCESS"
    assert blocking.job(f"Order/{message.message_id}").result(WAIT) == "order 7 after 1"
    assert chain(plain.si(), order.s(Order(number=8).to_dict()), shout.s())().get(timeout=WAIT) == "order 8 after 0!"
    assert order.apply((Order(number=9, fail=2),)).get() == "order 9 after 2"
    assert order.apply((Order(number=9, fail=9),)).failed()
    with pytest.raises(InvalidMessage, match="number: is required"):
        order.delay({"message_id": "x"})
