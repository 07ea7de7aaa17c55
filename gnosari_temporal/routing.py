"""Where a job runs and what it is called: queues, lanes, task queues, priority keys, ids and names."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from temporalio.common import Priority

from .messages import LOWEST_PRIORITY, BaseMessage
from .settings import Lane, Settings

ORDINARY_LANE = "ordinary"
_TOOL_QUEUE = ".tool."
_MOST_FAIRNESS_KEY_BYTES = 64
_LONGEST_DERIVED_ID = 200

STATE = "GnosariState"
QUEUE = "GnosariQueue"
BATCH = "GnosariBatch"
TEAM = "GnosariTeam"
AGENT = "GnosariAgent"
SESSION = "GnosariSession"
TOOL = "GnosariTool"
SUMMARY = "GnosariSummary"
SEARCH_ATTRIBUTES = (STATE, QUEUE, BATCH, TEAM, AGENT, SESSION, TOOL, SUMMARY)
"""Search attributes of the engine, all of type Keyword."""

WAITING = "waiting"
EXPIRED = "expired"


class Routing(BaseModel):
    """The part of the settings that decides where a job runs."""

    model_config = ConfigDict(frozen=True)

    default_queue: str
    routes: Mapping[str, str] = Field(default_factory=dict)
    lanes: tuple[Lane, ...] = ()
    priority_levels: int = LOWEST_PRIORITY
    limited: frozenset[str] = frozenset()
    """Queues with a rate limit, beside those of tools: all their jobs run on the ordinary lane, or each lane would
    have the limit anew."""

    @classmethod
    def of(cls, settings: Settings) -> Routing:
        """The routing that the settings describe."""
        return cls(
            default_queue=settings.default_queue,
            routes=settings.routes,
            lanes=settings.lanes,
            priority_levels=settings.priority_levels,
            limited=frozenset(settings.limits),
        )

    def queue(self, message_type: type[BaseMessage], *declared: str | None, task: str | None = None) -> str:
        """The queue of a message: the first declared one (send, consumer), else its type's, a route, the default.

        A route's pattern matches the type's name, its ``module.Name`` or the name of a Celery-shaped task.
        """
        for queue in (*declared, message_type.default_queue):
            if queue:
                return queue
        names = [message_type.__name__, f"{message_type.__module__}.{message_type.__name__}", task]
        for pattern, queue in self.routes.items():
            if any(name and fnmatch.fnmatchcase(name, pattern) for name in names):
                return queue
        return self.default_queue

    def lane(self, priority: int) -> Lane | None:
        """The lane of a priority; None is the ordinary one."""
        for lane in self.lanes:
            if lane.priorities[0] <= priority <= lane.priorities[1]:
                return lane
        return None

    def task_queue(self, queue: str, priority: int) -> str:
        """The task queue on which a consumer runs."""
        limited = queue in self.limited or is_tool_queue(queue)
        lane = self.lane(priority) if not limited else None
        return lane_task_queue(queue, lane) if lane else queue

    def priority_key(self, priority: int) -> int:
        """The server's key of a priority: the same number, halved upwards on a server with 5 levels."""
        return -(-priority * self.priority_levels // LOWEST_PRIORITY)


def lane_task_queue(queue: str, lane: Lane) -> str:
    """The task queue of a lane of a queue."""
    return f"{queue}.{lane.name}"


def tool_queue(queue: str, tool: str) -> str:
    """The queue of a tool with a rate limit: one of its own, since the server limits queues."""
    return f"{queue}{_TOOL_QUEUE}{tool}"


def is_tool_queue(queue: str) -> bool:
    """Whether the queue is that of one tool, which has the ordinary lane only."""
    return _TOOL_QUEUE in queue


def lane_slots(lane: Lane, concurrency: int, express: int | None) -> int:
    """Slots of a lane on one worker: its own, else ``express``, else half of the concurrency, at least one."""
    return lane.slots or express or max(1, concurrency // 2)


def temporal_priority(
    priority_key: int, fairness_key: str | None = None, fairness_weight: float | None = None
) -> Priority:
    """Temporal's priority object; a fairness key that is too long for the server is cut."""
    key = fairness_key
    if key is not None and len(key.encode()) > _MOST_FAIRNESS_KEY_BYTES:
        key = key.encode()[:_MOST_FAIRNESS_KEY_BYTES].decode(errors="ignore")
    return Priority(priority_key=priority_key, fairness_key=key, fairness_weight=fairness_weight)


def job_id(message_type: str, message_id: str) -> str:
    """The workflow id of a message: ``<type>/<message id>``."""
    return f"{message_type}/{message_id}"


def split_job_id(job: str) -> tuple[str, str]:
    """Message type and message id of a job id; the type is empty where there is none."""
    message_type, slash, message_id = job.partition("/")
    return (message_type, message_id) if slash else ("", job)


def workflow_page(ui_address: str, namespace: str, job: str, run_id: str = "") -> str:
    """The page of a job in the Temporal Web UI."""
    page = f"{ui_address.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows/{quote(job, safe='')}"
    return f"{page}/{run_id}" if run_id else page


def derived_message_id(parent: str, call: str) -> str:
    """The id of a message that a job sends: the same on every attempt.

    Where jobs send jobs that send jobs it would grow without end; a long one is cut, a digest says the rest.
    """
    derived = f"{parent}.{call}"
    if len(derived) <= _LONGEST_DERIVED_ID:
        return derived
    digest = hashlib.sha256(derived.encode()).hexdigest()[:32]
    return f"{derived[: _LONGEST_DERIVED_ID - len(digest) - 1]}~{digest}"


def parse_queues(texts: Sequence[str], concurrency: int) -> dict[str, int]:
    """Queues with their slots from ``a,b`` or ``a=4,b=2``.

    Raises:
        ValueError: a number of slots is not a positive whole number, or a name is empty.
    """
    queues: dict[str, int] = {}
    for text in texts:
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, equals, number = part.partition("=")
            if not name.strip() or (equals and not (number.strip().isdigit() and int(number) > 0)):
                raise ValueError(f"queue {part!r}: write NAME or NAME=SLOTS with at least one slot")
            queues[name.strip()] = int(number) if equals else concurrency
    return queues
