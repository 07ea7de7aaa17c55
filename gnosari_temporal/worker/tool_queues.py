"""Queues of tools with a rate limit: which ones a worker serves, and how fast the server hands out their calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import ProjectError
from ..routing import Routing
from ..settings import QueueLimit, Settings
from ..tools.messages import ToolExecutionMessage
from ..tools.spec import ToolSpec

_MINUTE = 60


def with_tool_queues(
    settings: Settings, queues: Mapping[str, int], tools: Iterable[ToolSpec]
) -> tuple[Settings, dict[str, int]]:
    """Settings and queues of a worker with those of its limited tools: served where the queue is that they branch from,
    with as many slots. A limit that the settings name for such a queue wins.

    Raises:
        ProjectError: two teams limit a tool of the same name and queue differently.
    """
    routing = Routing.of(settings)
    served, limits = dict(queues), dict(settings.limits)
    rates: dict[str, float] = {}
    for tool in tools:
        base = routing.queue(ToolExecutionMessage, tool.queue_name)
        queue = tool.queue_on(base)
        if tool.rate_limit is None or queue == base or base not in queues:
            continue
        if rates.setdefault(queue, tool.rate_limit) != tool.rate_limit:
            raise ProjectError(
                f"two teams limit the tool {tool.function_name!r} on queue {base!r}, to {rates[queue]:g} and "
                f"{tool.rate_limit:g} calls per minute: give one of them another id or queue"
            )
        served[queue] = queues[base]
        limits.setdefault(queue, QueueLimit(per_second=tool.rate_limit / _MINUTE))
    return settings.model_copy(update={"limits": limits}), served
