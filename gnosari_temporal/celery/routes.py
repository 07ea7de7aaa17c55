"""Where a call goes: its queue and its priority, from the call, the task, the routes and the defaults."""

from __future__ import annotations

import fnmatch
import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidMessage
from ..messages import DEFAULT_PRIORITY
from .exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from .configuration import Configuration

_STYLES: Mapping[str, tuple[int, int]] = {"gnosari": (1, 10), "celery": (0, 9)}


def queue_name(queue: Any) -> str | None:
    """The name of a queue that is given by name or as kombu's object."""
    if queue is None or isinstance(queue, str):
        return queue
    name = getattr(queue, "name", None)
    if not isinstance(name, str):
        raise InvalidMessage(f"queue {queue!r} is no queue: give its name")
    return name


def queue_names(conf: Configuration) -> tuple[str, ...]:
    """The queues that ``task_queues`` names."""
    queues = conf["task_queues"]
    if not queues:
        return ()
    return tuple(str(name) for name in queues) if isinstance(queues, Mapping) else tuple(map(_required_name, queues))


def _required_name(queue: Any) -> str:
    name = queue_name(queue)
    assert name is not None
    return name


def route_of(
    conf: Configuration, task: str, args: Any = (), kwargs: Any = None, options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What ``task_routes`` says of a task: a dict that may have ``queue`` and ``priority``."""
    routes = conf["task_routes"]
    if not routes:
        return {}
    routers = routes if isinstance(routes, list | tuple) and not _is_pairs(routes) else [routes]
    for router in routers:
        found = _ask(router, task, args, kwargs or {}, dict(options or {}))
        if found:
            return {"queue": found} if isinstance(found, str) else dict(found)
    return {}


def _is_pairs(routes: Any) -> bool:
    return all(isinstance(item, list | tuple) and len(item) == 2 for item in routes)


def _ask(router: Any, task: str, args: Any, kwargs: Any, options: dict[str, Any]) -> Any:
    if isinstance(router, Mapping) or (isinstance(router, list | tuple) and _is_pairs(router)):
        pairs = router.items() if isinstance(router, Mapping) else router
        exact = [route for pattern, route in pairs if pattern == task]
        if exact:
            return exact[0]
        return next((route for pattern, route in pairs if _matches(pattern, task)), None)
    if isinstance(router, str):
        router = _imported(router)
        if isinstance(router, type):
            router = router()
    if hasattr(router, "route_for_task"):
        return router.route_for_task(task, args, kwargs)
    if not callable(router):
        raise ImproperlyConfigured(f"task_routes: {router!r} is no mapping, function or router")
    return router(task, args, kwargs, options, task=None)


def _matches(pattern: Any, task: str) -> bool:
    if isinstance(pattern, re.Pattern):
        return pattern.match(task) is not None
    return fnmatch.fnmatchcase(task, str(pattern))


def _imported(name: str) -> Any:
    module, _, attribute = name.replace(":", ".").rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ImproperlyConfigured(f"task_routes: the router {name!r} cannot be imported: {error}") from error


def our_priority(conf: Configuration, value: Any, what: str = "priority") -> int:
    """A priority of the app's style as ours, 1 to 10, lower first; ``None`` is the default.

    Raises:
        InvalidMessage: it lies outside of the style's range.
    """
    style = priority_style(conf)
    if value is None:
        value = conf["task_default_priority"]
        what = "task_default_priority"
    if value is None:
        return DEFAULT_PRIORITY
    lowest, highest = _STYLES[style]
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        other = next(name for name in _STYLES if name != style)
        first, last = _STYLES[other]
        raise InvalidMessage(
            f"{what} {value!r} is not one of {lowest} to {highest}, lower first. For {first} to {last}, set "
            f"gnosari_priority_style = {other!r} in the app's configuration"
        )
    return value + 1 - lowest


def their_priority(conf: Configuration, priority: int) -> int:
    """Our priority as one of the app's style."""
    return priority - 1 + _STYLES[priority_style(conf)][0]


def priority_style(conf: Configuration) -> str:
    """The app's style of priorities.

    Raises:
        ImproperlyConfigured: it is none.
    """
    style = conf["gnosari_priority_style"]
    if style not in _STYLES:
        raise ImproperlyConfigured(f"gnosari_priority_style = {style!r} is not one of {', '.join(_STYLES)}")
    return str(style)
