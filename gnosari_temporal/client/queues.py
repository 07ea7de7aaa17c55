"""The queue as the server sees it: what waits on its task queues, how fast it moves, and who takes from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client

from ..routing import ORDINARY_LANE, lane_task_queue
from ..settings import Lane
from .listing import quoted

POLLS_WITHIN = timedelta(seconds=90)
"""A poll lasts up to a minute; the server lists a poller for five minutes after its last."""

WORKFLOWS = "workflow"
ACTIVITIES = "activity"
_KINDS = {
    WORKFLOWS: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    ACTIVITIES: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
_MOST_QUEUES_FOUND = 200


class Poller(BaseModel):
    """A worker that takes tasks from a task queue."""

    model_config = ConfigDict(frozen=True)

    identity: str
    last_seen: datetime

    @property
    def active(self) -> bool:
        """Whether it has polled lately."""
        return datetime.now(UTC) - self.last_seen < POLLS_WITHIN


class TaskQueueState(BaseModel):
    """One task queue, for workflows or for activities."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    """``workflow`` or ``activity``."""
    lane: str = ORDINARY_LANE
    waiting: int
    oldest: timedelta
    """Age of what waits longest."""
    added_per_second: float
    started_per_second: float
    """Both are the server's averages over the last half minute."""
    waiting_by_key: Mapping[int, int]
    """What waits, by the server's priority key."""
    pollers: tuple[Poller, ...]
    limit_per_second: float | None = None
    limit_per_fairness_key: float | None = None
    limit_reason: str = ""
    """Why the limit was set last, in the words of who set it."""

    @property
    def served(self) -> bool:
        """Whether a worker polls it."""
        return any(poller.active for poller in self.pollers)


class QueueState(BaseModel):
    """A queue with the task queues of all its lanes."""

    model_config = ConfigDict(frozen=True)

    name: str
    task_queues: tuple[TaskQueueState, ...]

    @property
    def waiting(self) -> int:
        """Tasks that wait for a worker."""
        return sum(part.waiting for part in self.task_queues)

    @property
    def oldest(self) -> timedelta:
        """Age of what waits longest."""
        return max((part.oldest for part in self.task_queues), default=timedelta(0))

    @property
    def added_per_second(self) -> float:
        """Jobs that come in: workflows start on the ordinary lane, consumers on any."""
        return sum(part.added_per_second for part in self._consumers())

    @property
    def started_per_second(self) -> float:
        """Attempts of consumers that start."""
        return sum(part.started_per_second for part in self._consumers())

    @property
    def waiting_by_key(self) -> dict[int, int]:
        """What waits, by the server's priority key."""
        total: dict[int, int] = {}
        for part in self.task_queues:
            for key, count in part.waiting_by_key.items():
                total[key] = total.get(key, 0) + count
        return dict(sorted(total.items()))

    @property
    def workers(self) -> tuple[str, ...]:
        """Identities of the workers that poll now."""
        active = {poller.identity for part in self.task_queues for poller in part.pollers if poller.active}
        return tuple(sorted(active))

    @property
    def limit_per_second(self) -> float | None:
        """The rate limit of the server, if one is set."""
        limits = [part.limit_per_second for part in self._consumers() if part.limit_per_second is not None]
        return limits[0] if limits else None

    @property
    def limit_per_fairness_key(self) -> float | None:
        """The rate limit of each fairness key, if one is set."""
        limits = [p.limit_per_fairness_key for p in self._consumers() if p.limit_per_fairness_key is not None]
        return limits[0] if limits else None

    def _consumers(self) -> list[TaskQueueState]:
        return [part for part in self.task_queues if part.kind == ACTIVITIES]


async def queue_states(client: Client, names: Iterable[str], lanes: Iterable[Lane]) -> list[QueueState]:
    """What waits on the queues, in the order of their names."""
    every_lane = tuple(lanes)
    return list(await asyncio.gather(*(_queue_state(client, name, every_lane) for name in sorted(set(names)))))


async def queues_in_use(client: Client, known: Iterable[str] = ()) -> set[str]:
    """The known queues, and every other one on which a job of the server runs or waits."""
    names = set(known)
    for _ in range(_MOST_QUEUES_FOUND):
        others = "".join(f" AND TaskQueue != {quoted(name)}" for name in sorted(names))
        found = None
        async for execution in client.list_workflows(f'ExecutionStatus = "Running"{others}', limit=1):
            found = execution.task_queue
        if found is None or found in names:
            break
        names.add(found)
    return names


async def task_queue_state(client: Client, name: str, kind: str, lane: str = ORDINARY_LANE) -> TaskQueueState:
    """What waits on one task queue; ``kind`` is ``workflow`` or ``activity``.

    Raises:
        temporalio.service.RPCError: the server does not answer.
    """
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=name),
            task_queue_type=_KINDS[kind],
            report_stats=True,
            report_config=True,
        ),
        retry=True,
    )
    stats = found.stats
    return TaskQueueState(
        name=name,
        kind=kind,
        lane=lane,
        waiting=stats.approximate_backlog_count,
        oldest=stats.approximate_backlog_age.ToTimedelta(),
        added_per_second=stats.tasks_add_rate,
        started_per_second=stats.tasks_dispatch_rate,
        waiting_by_key={
            key: value.approximate_backlog_count
            for key, value in found.stats_by_priority_key.items()
            if value.approximate_backlog_count
        },
        pollers=tuple(
            Poller(identity=poller.identity, last_seen=poller.last_access_time.ToDatetime(tzinfo=UTC))
            for poller in found.pollers
        ),
        limit_per_second=_limit(found, "queue_rate_limit"),
        limit_per_fairness_key=_limit(found, "fairness_keys_rate_limit_default"),
        limit_reason=found.config.queue_rate_limit.metadata.reason,
    )


async def _queue_state(client: Client, name: str, lanes: tuple[Lane, ...]) -> QueueState:
    parts = [(name, WORKFLOWS, ORDINARY_LANE), (name, ACTIVITIES, ORDINARY_LANE)]
    parts += [(lane_task_queue(name, lane), ACTIVITIES, lane.name) for lane in lanes]
    states = await asyncio.gather(*(task_queue_state(client, *part) for part in parts))
    return QueueState(name=name, task_queues=tuple(states))


def _limit(found: DescribeTaskQueueResponse, field: str) -> float | None:
    limit = getattr(found.config, field)
    return float(limit.rate_limit.requests_per_second) if limit.HasField("rate_limit") else None
