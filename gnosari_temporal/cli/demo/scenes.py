"""The scenes of the demo, each one thing that a job can do."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import urllib.request
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from ...client import JobHandle, JobState
from ...durations import format_duration
from ...errors import InvalidMessage, JobCancelled, JobFailed, MessageConflict
from ...messages import parse_message
from ...retry import RetrySpec
from .account import Account, Entry
from .observe import JobWatch, poll
from .stage import SLOTS, Stage
from .team import team_runs

Say = Callable[[str], None]
Scene = Callable[[Stage, Account, Say], Awaitable[None]]

BACKOFF = RetrySpec(maximum_attempts=4, initial_interval=timedelta(milliseconds=300), backoff_coefficient=2.0)
DELAY = timedelta(seconds=2)
BACKLOG = 3 * SLOTS
_LATE = 2.0
"""Seconds by which a busy machine may be late; too early is never right."""


async def two_types(stage: Stage, account: Account, say: Say) -> None:
    """Messages of two types are processed, each by its consumer on its queue."""
    say("Two messages of two types, two queues.")
    greet = await _send(stage, "ExampleMessage", user_id="ada", action="greet")
    process = await _send(
        stage,
        "MyFeatureMessage",
        user_id="ada",
        task_type="process",
        parameters={"input_data": "some data", "seconds": 0.2},
    )
    for told, job, expected in (
        ("greeting", greet, "Hello, ada!"),
        ("feature", process, "{'processed': True, 'data': 'some data'}"),
    ):
        await account.enter(told, JobWatch(job), JobState.SUCCEEDED)
        result = await job.result(10)
        account.expect(f"{told}: result", expected, result.get("greeting", result.get("result")))
        say(f"  {job.id}: {expected}")


async def refused(stage: Stage, account: Account, say: Say) -> None:
    """A bad message is refused where it is made; the server never hears of it."""
    say("A bad message: refused before anything is sent.")
    wrong = {"message_id": "bad", "user_id": "ada", "task_type": "destroy"}
    refusal = ""
    try:
        await stage.client.send(parse_message(stage.message_type("MyFeatureMessage"), wrong))
    except InvalidMessage as error:
        refusal = str(error)
        say(f"  {error}")
    account.expect_that("bad message: refused by name", "task_type must be one of" in refusal, refusal or "it was sent")
    status = await stage.client.job("MyFeatureMessage/bad").status()
    account.expect("bad message: on the server", JobState.NOT_FOUND, status.state)


async def retried(stage: Stage, account: Account, say: Say) -> None:
    """A failure is retried with growing waits, then the job fails with the consumer's own exception."""
    say(f"One that fails: {BACKOFF.in_words()}.")
    job = await _send(
        stage, "ExampleMessage", {"retry": BACKOFF}, user_id="ada", action="fail", data={"reason": "no luck today"}
    )
    watch = JobWatch(job, lambda number, reason: say(f"  attempt {number} failed: {reason}"))
    entry = await account.enter("failure", watch, JobState.FAILED)
    _expect_backoff(account, entry)
    try:
        await job.result(10)
    except JobFailed as error:
        say(f"  {error}")
        account.expect("failure: the consumer's exception", "RuntimeError", error.exception_type)
    else:
        account.expect("failure: its result", "an error", "a result")


async def cancelled(stage: Stage, account: Account, say: Say) -> None:
    """A running consumer is told to stop, and stops."""
    say("One that would take a minute: cancelled while it runs.")
    job = await _send(
        stage, "MyFeatureMessage", user_id="ada", task_type="analyze", parameters={"data": "all", "seconds": 60}
    )
    watch = JobWatch(job)
    await watch.until(lambda state: state is JobState.RUNNING)
    await job.cancel()
    entry = await account.enter("cancelled", watch, JobState.CANCELLED)
    try:
        await job.result(10)
    except JobCancelled as error:
        say(f"  {error} after {entry.seconds:.1f} s")
    else:
        account.expect("cancelled: its result", "an error", "a result")


async def sent_twice(stage: Stage, account: Account, say: Say) -> None:
    """The same message again is the same job, also when it is over; the same id for other content is an error."""
    say("One sent three times: one job.")
    once: dict[str, Any] = {
        "message_id": "invoice-42",
        "user_id": "ada",
        "action": "calculate",
        "data": {"numbers": [19.9, 20, 2.1]},
    }
    first = await _send(stage, "ExampleMessage", **once)
    second = await _send(stage, "ExampleMessage", **once)
    await account.enter("same id", JobWatch(first), JobState.SUCCEEDED)
    third = await _send(stage, "ExampleMessage", **once)
    runs = {first.run_id, second.run_id, third.run_id}
    account.expect("same id: jobs", 1, len(runs))
    account.expect("same id: result", 42.0, (await third.result(10))["sum"])
    say(f"  {first.id}: run {first.run_id} each time")
    try:
        await _send(stage, "ExampleMessage", **{**once, "data": {"numbers": [1]}})
    except MessageConflict as error:
        say(f"  other content: {error}")
    else:
        account.expect("the same id with other content", "an error", "a job")


async def overtaken(stage: Stage, account: Account, say: Say) -> None:
    """While every ordinary slot is busy and more jobs wait, one of priority 1 starts at once."""
    say(f"{BACKLOG} jobs for {SLOTS} slots, then one of priority 1: it overtakes those that wait.")

    async def work(number: int, seconds: float, priority: int) -> JobHandle[Any]:
        return await _send(
            stage,
            "MyFeatureMessage",
            {"priority": priority},
            user_id=f"ada-{number}",
            task_type="generate",
            parameters={"seconds": seconds},
        )

    waiting = [await work(number, 0.5, 5) for number in range(1, BACKLOG + 1)]
    urgent = await work(0, 0.1, 1)
    first = await account.enter("urgent", JobWatch(urgent), JobState.SUCCEEDED)
    others = [await account.enter(f"queued {n}", JobWatch(job), JobState.SUCCEEDED) for n, job in enumerate(waiting, 1)]
    started = _started(first)
    overtook = sum(_started(other) > started for other in others)
    say(f"  sent last, it started before {overtook} of the {BACKLOG}")
    account.expect_that("urgent: it overtook", overtook > 0, "it started after all the others")


async def approved(stage: Stage, account: Account, say: Say) -> None:
    """A workflow of its own asks three consumers at once, waits for a person, and goes on with the answer."""
    say("A report: three sources at once, then a person's approval.")
    job = await _send(stage, "ReportMessage", title="How this machine is", approval_timeout="1m")
    watch = JobWatch(job)
    status = await watch.until(lambda state: state is JobState.WAITING)
    say(f"  {status.reason} (gnosari job approve {job.id})")
    await job.approve(by="ada", reason="looks right")
    entry = await account.enter("approval", watch, JobState.SUCCEEDED)
    result = await job.result(10)
    account.expect("approval: outcome", "published by ada", f"{result['outcome']} by {result['decided_by']}")
    account.expect("approval: consumers", 4, len(entry.attempts))
    account.expect_that("approval: the sources ran at once", _overlap(entry), "one after the other")
    say(f"  approved by ada: published as number {result['number']}")


class Delayed:
    """A job whose start lies ahead: sent before the other scenes, looked at after them."""

    def __init__(self) -> None:
        self._job: JobHandle[Any] | None = None

    async def send(self, stage: Stage, account: Account, say: Say) -> None:
        """Send it; the server keeps it until its time."""
        say(f"One for later: it starts in {format_duration(DELAY)}.")
        self._job = await _send(stage, "ExampleMessage", {"delay": DELAY}, user_id="bob", action="greet")
        status = await self._job.status()
        account.expect("delayed: state at first", JobState.SCHEDULED, status.state)

    async def look(self, stage: Stage, account: Account, say: Say) -> None:
        """Wait for it and compare when it started."""
        assert self._job is not None
        entry = await account.enter("delayed", JobWatch(self._job), JobState.SUCCEEDED)
        assert entry.status.created_at is not None
        waited = (_started(entry) - entry.status.created_at).total_seconds()
        say(f"The one for later: it started after {waited:.2f} s.")
        right = DELAY.total_seconds() <= waited <= DELAY.total_seconds() + _LATE
        account.expect_that(f"delayed: started {format_duration(DELAY)} after the send", right, f"{waited:.2f} s")


async def listed(stage: Stage, account: Account, say: Say) -> None:
    """The Web UI has all of it, by message type."""
    wanted = {entry.status.type for entry in account.entries}
    found: set[str] = set()

    async def complete() -> bool:
        found.update(await asyncio.to_thread(_types_in_web_ui, stage))
        return wanted <= found

    with contextlib.suppress(TimeoutError):
        await poll(complete, 10)
    account.expect_that("the Web UI lists every type", wanted <= found, f"{sorted(wanted - found)} are missing")


def scenes() -> tuple[Scene, ...]:
    """All scenes, in their order."""
    later = Delayed()
    return (
        later.send,
        two_types,
        refused,
        retried,
        cancelled,
        sent_twice,
        overtaken,
        approved,
        team_runs,
        later.look,
        listed,
    )


async def _send(
    stage: Stage, message_type: str, options: dict[str, Any] | None = None, /, **fields: Any
) -> JobHandle[Any]:
    return await stage.client.send(parse_message(stage.message_type(message_type), fields), **(options or {}))


def _expect_backoff(account: Account, entry: Entry) -> None:
    attempts = entry.attempts[0]
    account.expect("failure: attempts", BACKOFF.maximum_attempts, attempts.count)
    declared = [BACKOFF.delay(n).total_seconds() for n in range(1, BACKOFF.maximum_attempts)]
    pairs = itertools.zip_longest(declared, attempts.waits, fillvalue=0.0)
    right = all(d - 0.01 <= wait <= d + _LATE for d, wait in pairs)
    account.expect_that(f"failure: waits {declared} s", right, attempts.waits)


def _started(entry: Entry) -> datetime:
    return min(start for attempts in entry.attempts for start in attempts.started.values())


def _overlap(entry: Entry) -> bool:
    """Whether the sources were asked before the first of them had answered."""
    sources = entry.attempts[:-1]
    return max(a.scheduled for a in sources) <= min(a.ended[a.count] for a in sources)


def _types_in_web_ui(stage: Stage) -> set[str]:
    url = f"{stage.server.ui_address}/api/v1/namespaces/default/workflows"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            executions = json.load(answer).get("executions", [])
    except (OSError, ValueError):
        return set()  # its own connection to the server follows within a second of the start
    return {execution["type"]["name"] for execution in executions}
