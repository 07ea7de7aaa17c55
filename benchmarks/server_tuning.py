"""What each value of the embedded server's tuning does, against the stock server.

    python benchmarks/server_tuning.py [--runs 5] [--only latency,timer,...]

Every run has a server of its own, headless, on free ports, with one worker in this process. A figure is the median of
the runs; within a run a latency is the median of its workflows.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psutil
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeTaskQueueRequest,
    GetWorkflowExecutionHistoryRequest,
    PollWorkflowTaskQueueRequest,
)
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.apps.hand_written import HandWritten, Job, double
from benchmarks.processes import our_server
from gnosari_temporal.server import EmbeddedServer
from gnosari_temporal.server.tuning import SQLITE_PRAGMAS, dynamic_config

QUEUE = "bench"
TRANSFER, TIMER, VISIBILITY = (f"history.{name}ProcessorMaxPollRPS" for name in ("transfer", "timer", "visibility"))
PARTITIONS = ("matching.numTaskqueueReadPartitions", "matching.numTaskqueueWritePartitions")


@workflow.defn(sandboxed=False)
class OneTimer:
    @workflow.run
    async def run(self, seconds: float) -> float:
        began = workflow.now()
        await workflow.sleep(seconds)
        return (workflow.now() - began).total_seconds() - seconds


@asynccontextmanager
async def _server(
    config: dict[str, Any] | None = None, pragmas: dict[str, str] | None = None
) -> AsyncIterator[tuple[EmbeddedServer, Client]]:
    """A server with this dynamic configuration; with a database file if pragmas are given."""
    async with our_server(
        file=pragmas is not None, config=config or {}, pragmas=pragmas or {}, headless=True
    ) as server:
        yield server, await Client.connect(server.address)


def _worker(client: Client) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[HandWritten, OneTimer],
        activities=[double],
        workflow_runner=UnsandboxedWorkflowRunner(),
        disable_eager_activity_execution=True,
        max_concurrent_activities=50,
    )


async def latency(config: dict[str, Any], pragmas: dict[str, str] | None = None, count: int = 30) -> float:
    """Milliseconds from start to result of a workflow with one activity, one after another."""
    async with _server(config, pragmas) as (_, client), _worker(client):
        took = []
        for number in range(count + 5):
            began = time.perf_counter()
            await client.execute_workflow(
                HandWritten.run, args=["double", Job(n=1)], id=str(uuid.uuid4()), task_queue=QUEUE
            )
            if number >= 5:
                took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


async def throughput(config: dict[str, Any], pragmas: dict[str, str] | None = None, count: int = 300) -> float:
    """Workflows with one activity a second, 50 at a time."""
    async with _server(config, pragmas) as (_, client), _worker(client):
        slots = asyncio.Semaphore(50)

        async def one() -> None:
            async with slots:
                await client.execute_workflow(
                    HandWritten.run, args=["double", Job(n=1)], id=str(uuid.uuid4()), task_queue=QUEUE
                )

        await asyncio.gather(*(one() for _ in range(20)))
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        return count / (time.perf_counter() - began)


async def timer_lateness(config: dict[str, Any], seconds: float, count: int = 10) -> float:
    """Milliseconds by which a timer is late, one after another."""
    async with _server(config) as (_, client), _worker(client):
        late = [
            await client.execute_workflow(OneTimer.run, seconds, id=str(uuid.uuid4()), task_queue=QUEUE)
            for _ in range(count)
        ]
    return statistics.median(late) * 1000


async def timers_together(config: dict[str, Any], count: int = 40) -> float:
    """Milliseconds by which timers are late of which 40 are due within a second."""
    async with _server(config) as (_, client), _worker(client):
        late = await asyncio.gather(
            *(
                client.execute_workflow(OneTimer.run, 3 + number / count, id=str(uuid.uuid4()), task_queue=QUEUE)
                for number in range(count)
            )
        )
    return statistics.median(late) * 1000


async def refused_waits(config: dict[str, Any], count: int = 1300) -> float:
    """Of 1,300 clients that wait for a result, how many are refused at first."""
    async with _server(config) as (_, client):
        slots = asyncio.Semaphore(100)

        async def start(number: int) -> None:
            async with slots:
                await client.start_workflow("Nobody", id=f"w{number}", task_queue="nobody")

        async def wait(number: int) -> bool:
            request = GetWorkflowExecutionHistoryRequest(
                namespace="default",
                execution=WorkflowExecution(workflow_id=f"w{number}"),
                wait_new_event=True,
                history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
            )
            try:
                await client.workflow_service.get_workflow_execution_history(request, timeout=timedelta(seconds=15))
            except RPCError as error:
                return error.status is RPCStatusCode.RESOURCE_EXHAUSTED
            return False

        await asyncio.gather(*(start(number) for number in range(count)))
        return sum(await asyncio.gather(*(wait(number) for number in range(count))))


async def refused_lists(config: dict[str, Any], count: int = 300) -> float:
    """Of 300 counts at once, how many are refused at first."""
    async with _server(config) as (_, client):

        async def ask() -> bool:
            try:
                await client.workflow_service.count_workflow_executions(
                    CountWorkflowExecutionsRequest(namespace="default", query="ExecutionStatus = 'Running'")
                )
            except RPCError as error:
                return error.status is RPCStatusCode.RESOURCE_EXHAUSTED
            return False

        return sum(await asyncio.gather(*(ask() for _ in range(count))))


async def visibility_lag(config: dict[str, Any], count: int = 15) -> float:
    """Milliseconds from a workflow's result to a list that shows it as completed."""
    async with _server(config) as (_, client), _worker(client):
        lags = []
        for _ in range(count):
            name = str(uuid.uuid4())
            await client.execute_workflow(HandWritten.run, args=["double", Job(n=1)], id=name, task_queue=QUEUE)
            began = time.perf_counter()
            shown = 0
            while not shown:
                query = f"WorkflowId = '{name}' AND ExecutionStatus = 'Completed'"
                shown = (await client.count_workflows(query)).count
            lags.append((time.perf_counter() - began) * 1000)
    return statistics.median(lags)


async def _given(client: Client, queue: str, count: int) -> list[str]:
    request = PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=queue))
    return [
        (await client.workflow_service.poll_workflow_task_queue(request)).workflow_execution.workflow_id
        for _ in range(count)
    ]


async def inversions(config: dict[str, Any], count: int = 100) -> float:
    """Of 100 waiting tasks of five priorities, how many are given out after one of lower priority."""
    async with _server(config) as (_, client):
        for number in range(count):
            priority = number % 5 + 1
            await client.start_workflow(
                "Nobody",
                id=f"{priority}/{uuid.uuid4()}",
                task_queue="ordered",
                priority=Priority(priority_key=priority),
            )
        await asyncio.sleep(1)
        order = [int(name.split("/")[0]) for name in await _given(client, "ordered", count)]
    return sum(priority < max(order[: place + 1]) for place, priority in enumerate(order))


async def levels(config: dict[str, Any]) -> float:
    """Levels that ten priorities end up on."""
    async with _server(config) as (_, client):
        for priority in range(1, 11):
            await client.start_workflow(
                "Nobody", id=str(uuid.uuid4()), task_queue="levels", priority=Priority(priority_key=priority)
            )
        await asyncio.sleep(1)
        request = DescribeTaskQueueRequest(
            namespace="default", task_queue=TaskQueue(name="levels"), task_queue_type=1, report_stats=True
        )
        described = await client.workflow_service.describe_task_queue(request)
    return len([1 for stats in described.stats_by_priority_key.values() if stats.approximate_backlog_count])


async def waiting_behind_a_batch(config: dict[str, Any]) -> float:
    """Place of the last of 5 tasks sent after 100 of another fairness key."""
    async with _server(config) as (_, client):
        for key, count in (("large", 100), ("small", 5)):
            for _ in range(count):
                await client.start_workflow(
                    "Nobody", id=f"{key}/{uuid.uuid4()}", task_queue="fair", priority=Priority(fairness_key=key)
                )
        await asyncio.sleep(1)
        order = await _given(client, "fair", 105)
    return max(place for place, name in enumerate(order, 1) if name.startswith("small/"))


async def idle_cpu(config: dict[str, Any]) -> float:
    """Percent of one core that a server with nothing to do takes."""
    async with _server(config) as (server, client), _worker(client):
        process = psutil.Process(server.pid)
        await asyncio.sleep(5)
        process.cpu_percent()
        await asyncio.sleep(10)
        return process.cpu_percent()


Measure = Callable[[], Awaitable[float]]


def _without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in dynamic_config().items() if key not in keys}


def _measures() -> dict[str, list[tuple[str, str, Measure]]]:
    tuned, stock_file, wal = dynamic_config(), {}, SQLITE_PRAGMAS
    return {
        "latency": [
            ("one activity, in memory: stock", "ms", lambda: latency({})),
            ("one activity, in memory: tuned", "ms", lambda: latency(tuned)),
            ("one activity, in memory: tuned but the transfer queue's", "ms", lambda: latency(_without(TRANSFER))),
            ("one activity, in a file: stock", "ms", lambda: latency({}, stock_file)),
            ("one activity, in a file: tuned", "ms", lambda: latency(tuned, wal)),
        ],
        "throughput": [
            ("messages, in memory: stock", "1/s", lambda: throughput({})),
            ("messages, in memory: tuned", "1/s", lambda: throughput(tuned)),
            ("messages, in a file: tuned, stock pragmas", "1/s", lambda: throughput(tuned, stock_file)),
            ("messages, in a file: tuned, WAL and NORMAL", "1/s", lambda: throughput(tuned, wal)),
        ],
        "timer": [
            ("timer of 0.1 s late: stock", "ms", lambda: timer_lateness({}, 0.1)),
            ("timer of 0.1 s late: tuned", "ms", lambda: timer_lateness(tuned, 0.1)),
            ("40 timers in a second late: tuned but the timer queue's", "ms", lambda: timers_together(_without(TIMER))),
            ("40 timers in a second late: tuned", "ms", lambda: timers_together(tuned)),
        ],
        "visibility": [
            (
                "shown as completed: tuned but the visibility queue's",
                "ms",
                lambda: visibility_lag(_without(VISIBILITY)),
            ),
            ("shown as completed: tuned", "ms", lambda: visibility_lag(tuned)),
        ],
        "order": [
            ("of 100 out of order: tuned but 4 partitions", "", lambda: inversions(_without(*PARTITIONS))),
            ("of 100 out of order: tuned", "", lambda: inversions(tuned)),
            ("levels of 10 priorities: stock", "", lambda: levels({})),
            ("levels of 10 priorities: tuned", "", lambda: levels(tuned)),
        ],
        "fairness": [
            (
                "place of the last of 5 behind 100: tuned but fairness",
                "",
                lambda: waiting_behind_a_batch(_without("matching.enableFairness")),
            ),
            ("place of the last of 5 behind 100: tuned", "", lambda: waiting_behind_a_batch(tuned)),
        ],
        "limits": [
            ("of 1300 waiting clients refused: stock", "", lambda: refused_waits({})),
            ("of 1300 waiting clients refused: tuned", "", lambda: refused_waits(tuned)),
            ("of 300 counts refused: stock", "", lambda: refused_lists({})),
            ("of 300 counts refused: tuned", "", lambda: refused_lists(tuned)),
        ],
        "idle": [
            ("idle server: stock", "% of a core", lambda: idle_cpu({})),
            ("idle server: tuned", "% of a core", lambda: idle_cpu(tuned)),
        ],
    }


async def main() -> None:
    groups = _measures()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", help="groups, with commas: " + ", ".join(groups))
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else list(groups)
    unknown = sorted(set(wanted) - set(groups))
    if unknown:
        parser.error(f"unknown groups {', '.join(unknown)}; there are {', '.join(groups)}")
    print(f"{'':58} {'median':>8}    runs")
    for group in wanted:
        for name, unit, measure in groups[group]:
            found = [await measure() for _ in range(arguments.runs)]
            print(f"{name:58} {statistics.median(found):8.1f} {unit:3} {' '.join(f'{value:.1f}' for value in found)}")


if __name__ == "__main__":
    asyncio.run(main())
