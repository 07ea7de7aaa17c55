"""Shared tasks: declared without an app, and part of every app of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..registry import Parts
from .current import Proxy, current_app_or_default

if TYPE_CHECKING:
    from .application import Celery

_shared: list[tuple[Callable[..., Any], dict[str, Any]]] = []


def shared_into(app: Celery, known: dict[str, Any]) -> None:
    """Declare the shared tasks on an app that does not have them yet."""
    for function, options in _shared:
        name = _name_of(app, function, options)
        if name not in known:
            app._declare(function, options)


class SharedTask(Proxy):
    """A shared task: that of the current app."""

    def __gnosari_parts__(self) -> Parts:
        """What a worker needs to run it."""
        found: Parts = self._get_current_object().__gnosari_parts__()
        return found


def shared_task(*args: Any, **options: Any) -> Any:
    """Declare a task for every app of the process, as ``@shared_task`` or ``@shared_task(bind=True, …)``."""

    def declare(function: Callable[..., Any]) -> SharedTask:
        _shared.append((function, options))

        def look_up() -> Any:
            app = current_app_or_default()
            return app.tasks[_name_of(app, function, options)]

        return SharedTask(look_up, "@shared_task")

    return declare(args[0]) if args and callable(args[0]) else declare


def _name_of(app: Celery, function: Callable[..., Any], options: dict[str, Any]) -> str:
    return str(options.get("name") or app.gen_task_name(function.__name__, function.__module__))
