"""The current app and the current task of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .context import current

if TYPE_CHECKING:
    from .application import Celery

_apps: list[Celery] = []


def set_current(app: Celery) -> None:
    """Make this the current app."""
    _apps.append(app)


def current_app_or_default() -> Celery:
    """The app that was made last in this process; one without a name of its own if there is none."""
    if not _apps:
        from .application import Celery

        Celery("default")
    return _apps[-1]


def task_of_name(name: str) -> Any:
    """The task of this name, of whichever app of this process has it; the latest first.

    Raises:
        NotRegistered: none has it.
    """
    for app in reversed(_apps):
        if name in app.tasks:
            return app.tasks[name]
    return current_app_or_default().tasks[name]


class Proxy:
    """Stands for an object that is looked up at each use."""

    def __init__(self, look_up: Any, what: str) -> None:
        self.__dict__["_look_up"] = look_up
        self.__dict__["_what"] = what

    def _get_current_object(self) -> Any:
        return self._look_up()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._look_up(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._look_up(), name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._look_up()(*args, **kwargs)

    def __bool__(self) -> bool:
        return self._look_up() is not None

    def __eq__(self, other: object) -> bool:
        return bool(self._look_up() == (other._look_up() if isinstance(other, Proxy) else other))

    def __hash__(self) -> int:
        return hash(self._look_up())

    def __repr__(self) -> str:
        return f"<{self._what}: {self._look_up()!r}>"


def _current_task() -> Any:
    found = current()
    return found[0] if found else None


current_app: Any = Proxy(current_app_or_default, "current_app")
"""The app that was made last in this process."""
current_task: Any = Proxy(_current_task, "current_task")
"""The task that runs in this thread or coroutine; false if there is none."""
