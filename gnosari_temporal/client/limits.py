"""The rate limit of a queue: set on the server, where it holds over all workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ..routing import lane_task_queue
from ..settings import Lane, QueueLimit
from .connection import has_no_answer, unreachable
from .queues import ACTIVITIES, task_queue_state

_REASON = "[limits] in gnosari.toml"

logger = logging.getLogger(__name__)


async def apply_limits(
    client: Client, queues: Iterable[str], limits: Mapping[str, QueueLimit], lanes: Iterable[Lane]
) -> None:
    """Make the server's rate limits of the queues those of the settings; lift what the settings do not name.

    A server that knows no such limits gets a warning in the log: its queues are then unlimited.

    Raises:
        ServerUnreachable: nobody answers: what is limited is not to run without its limit.
    """
    every_lane = tuple(lanes)
    parts = [
        (task_queue, limits.get(queue, QueueLimit()))
        for queue in queues
        for task_queue in (queue, *(lane_task_queue(queue, lane) for lane in every_lane))
    ]
    try:
        await asyncio.gather(*(_apply(client, task_queue, limit) for task_queue, limit in parts))
    except RPCError as error:
        if has_no_answer(error):
            raise unreachable(client.service_client.config.target_host, error) from error
        if any(queue in limits for queue in queues):
            logger.warning("the server refuses rate limits, so [limits] has no effect: %s", error.message)


async def _apply(client: Client, task_queue: str, limit: QueueLimit) -> None:
    now = await task_queue_state(client, task_queue, ACTIVITIES)
    if (now.limit_per_second, now.limit_per_fairness_key) == (limit.per_second, limit.per_fairness_key):
        return
    if limit == QueueLimit() and now.limit_reason != _REASON:
        return  # set by other means: not ours to lift
    await client.workflow_service.update_task_queue_config(
        UpdateTaskQueueConfigRequest(
            namespace=client.namespace,
            identity=client.identity,
            task_queue=task_queue,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=_update(limit.per_second),
            update_fairness_key_rate_limit_default=_update(limit.per_fairness_key),
        ),
        retry=True,
    )
    logger.info("rate limit of %s: %s/s, %s/s per fairness key", task_queue, limit.per_second, limit.per_fairness_key)


def _update(per_second: float | None) -> UpdateTaskQueueConfigRequest.RateLimitUpdate:
    rate_limit = RateLimit(requests_per_second=per_second) if per_second is not None else None
    return UpdateTaskQueueConfigRequest.RateLimitUpdate(rate_limit=rate_limit, reason=_REASON)
