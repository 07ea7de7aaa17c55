"""The app: its tasks, its configuration, and what a worker needs of both."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..registry import Parts
from .builtin import BUILTIN
from .canvas import Signature, signature
from .configuration import Configuration
from .current import set_current
from .declaring import check_setting, no_such_attribute
from .exceptions import ImproperlyConfigured, NotRegistered, NotSupported
from .routes import queue_name, queue_names, route_of
from .shared import shared_into
from .task import Task as BaseTask
from .task import make_task

_ACCEPTED = frozenset({"autofinalize", "fixups", "strict_typing", "set_default", "tasks", "broker", "backend"})


class TaskRegistry(dict[str, Any]):
    """The tasks of an app by name."""

    def __missing__(self, name: str) -> Any:
        raise NotRegistered(name)

    def regular(self) -> dict[str, Any]:
        """Those of the application, without the shim's own."""
        return {name: task for name, task in self.items() if name not in BUILTIN}


class Celery:
    """An app. Nothing is connected before its first call is sent; the server is that of Temporal's configuration."""

    def __init__(
        self,
        main: str | None = None,
        *,
        broker: Any = None,
        backend: Any = None,
        include: Iterable[str] | None = None,
        config_source: Any = None,
        namespace: str | None = None,
        changes: Mapping[str, Any] | None = None,
        task_cls: Any = None,
        set_as_current: bool = True,
        **options: Any,
    ) -> None:
        """``broker`` and ``backend`` are accepted without effect, as Celery's ``fixups``, ``autofinalize`` and such.

        Raises:
            NotSupported: an option has no counterpart here.
        """
        self.main = main
        self.conf = Configuration()
        self._tasks = TaskRegistry(BUILTIN)
        self._include = [include] if isinstance(include, str) else list(include or ())
        self._discovered: list[tuple[Any, str | None]] = []
        self._task_class = task_cls
        self._base: type[BaseTask] | None = None
        self._consumer_types: dict[str, Any] = {}
        for name, value in {"broker_url": broker, "result_backend": backend}.items():
            if value is not None:
                check_setting(name, value)
        for name, value in options.items():
            if name not in _ACCEPTED and value is not None:
                raise NotSupported(f"Celery({name}=…): the app has no such part to replace. Leave the argument out")
        if config_source is not None:
            self.config_from_object(config_source, namespace=namespace)
        if changes:
            self.conf.update(changes)
        if set_as_current:
            set_current(self)

    def __repr__(self) -> str:
        return f"<Celery {self.main or '__main__'}>"

    def __gnosari_parts__(self) -> Parts:
        """What a worker needs to run its tasks; the modules that hold them are imported first."""
        from .consumer import parts_of_tasks

        self.import_tasks()
        consumers = [id(task) for task in self._consumer_types.values()]
        tasks = [task for task in self.tasks.values() if id(task) not in consumers]
        parts = parts_of_tasks(tasks, (one.__gnosari_parts__() for one in self._consumer_types.values()))
        return Parts(parts.consumers, parts.workflows, (*parts.queues, *queue_names(self.conf)))

    def __enter__(self) -> Celery:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # -- configuration

    def config_from_object(
        self, obj: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> None:
        """Read the configuration from a class, a module, the dotted name of either, or a dict; when first needed,
        unless ``force``.

        Raises:
            ImproperlyConfigured: a setting has no counterpart here, or would change its meaning.
        """
        self.conf.add_source(obj, namespace)
        if force:
            try:
                _ = self.conf.own
            except ImproperlyConfigured:
                if not silent:
                    raise

    def add_defaults(self, source: Any) -> None:
        """Settings for what is not set otherwise."""
        self.conf.add_source(source() if callable(source) else source)

    @property
    def timezone(self) -> Any:
        """How a time without zone is read."""
        return self.conf.zone

    @property
    def result_expires(self) -> timedelta | None:
        """For how long a result is known; None: as long as the server keeps it."""
        value = self.conf["result_expires"]
        return value if value is None or isinstance(value, timedelta) else timedelta(seconds=float(value)) or None

    def now(self) -> datetime:
        """The time, in the app's zone."""
        return datetime.now(UTC).astimezone(self.conf.zone)

    # -- tasks

    @property
    def tasks(self) -> TaskRegistry:
        """Its tasks by name, the shared ones too."""
        shared_into(self, self._tasks)
        return self._tasks

    @property
    def Task(self) -> type[BaseTask]:  # noqa: N802
        """The base class of its tasks."""
        if self._base is None:
            given = self._task_class or BaseTask
            base = _imported(given) if isinstance(given, str) else given
            self._base = type("Task", (base,), {"app": self, "abstract": True, "__module__": base.__module__})
        return self._base

    @Task.setter
    def Task(self, base: type[BaseTask]) -> None:  # noqa: N802
        self._base = type(base.__name__, (base,), {"app": self, "abstract": True, "__module__": base.__module__})

    def task(self, *args: Any, **options: Any) -> Any:
        """Declare a task, as ``@app.task`` or ``@app.task(bind=True, …)``.

        Raises:
            NotSupported: an option has no counterpart here.
        """

        def declare(function: Callable[..., Any]) -> BaseTask:
            return self._declare(function, options)

        if args and callable(args[0]):
            if len(args) > 1:
                raise TypeError("@app.task takes one function: write its options by name")
            return declare(args[0])
        if args:
            raise TypeError(f"@app.task takes no positional options: {args!r}. Write them by name")
        return declare

    def _declare(self, function: Callable[..., Any], options: Mapping[str, Any]) -> BaseTask:
        name = options.get("name") or self.gen_task_name(function.__name__, function.__module__)
        if name in self._tasks:
            found: BaseTask = self._tasks[name]
            return found
        base = options.get("base") or self.Task
        task = make_task(self, function, base, dict(options))
        self._tasks[str(task.name)] = task
        return task

    def register_task(self, task: Any, **options: Any) -> BaseTask:
        """Register a task that is written as a class: an object of it, or the class.

        Raises:
            NotSupported: it is no task.
        """
        made = task() if isinstance(task, type) else task
        if not isinstance(made, BaseTask):
            raise NotSupported(f"register_task({task!r}): give an object of a class derived from Task")
        if made.name is None:
            made.name = self.gen_task_name(type(made).__name__, type(made).__module__)
        made.app = self
        self._tasks[made.name] = made
        return made

    def gen_task_name(self, name: str, module: str) -> str:
        """The name of a task without one: that of its module and function; the app's name for a script's."""
        if module == "__main__" and self.main:
            module = self.main
        return f"{module}.{name}" if module else name

    def add_consumer_task(self, name: str, task: Any) -> None:
        """Keep a task that stands for a consumer."""
        self._consumer_types[name] = task
        self._tasks[str(task.name)] = task

    def consumer_jobs(self, id: str) -> tuple[str, ...]:
        """The workflow ids that a message id may have, as one of the consumers of its tasks."""
        return tuple(f"{name}/{id}" for name in self._consumer_types)

    def queue_of(self, task: BaseTask) -> str:
        """The queue of a task's calls, where the call names none."""
        queue = queue_name(task.queue) or queue_name(route_of(self.conf, str(task.name)).get("queue"))
        return str(queue or self.conf["task_default_queue"])

    # -- finding tasks

    def autodiscover_tasks(self, packages: Any = None, related_name: str | None = "tasks", force: bool = False) -> None:
        """Have the worker import the module ``related_name`` of each package; without packages, those of Django."""
        self._discovered.append((packages, related_name))
        if force:
            self.import_tasks()

    def import_tasks(self) -> None:
        """Import the modules that hold its tasks: what a worker does when it starts.

        Raises:
            ImportError: one cannot be imported.
        """
        for name in (*self._include, *_names(self.conf["include"]), *_names(self.conf["imports"])):
            importlib.import_module(name)
        found, self._discovered = self._discovered, []
        for packages, related_name in found:
            for module in _related(packages() if callable(packages) else packages, related_name):
                importlib.import_module(module)

    loader_import = import_tasks

    def finalize(self, auto: bool = False) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def set_current(self) -> None:
        """Make it the current app."""
        set_current(self)

    set_default = set_current

    # -- calling

    def send_task(
        self,
        name: str,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        countdown: float | None = None,
        eta: datetime | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> Any:
        """Send a call by the task's name; this process need not know the task.

        Raises: what ``Task.apply_async`` raises.
        """
        from .sending import send_call

        given = {**options, "countdown": countdown, "eta": eta, "task_id": task_id}
        return send_call(self, name, tuple(args or ()), dict(kwargs or {}), options=given)

    def signature(self, *args: Any, **kwargs: Any) -> Signature:
        """A signature, by the task's name."""
        made: Signature = signature(*args, **{**kwargs, "app": self})
        return made

    def AsyncResult(self, id: str, **_: Any) -> Any:  # noqa: N802
        """The handle of a call, by its id."""
        from .result import AsyncResult

        return AsyncResult(id, app=self)

    @property
    def GroupResult(self) -> Any:  # noqa: N802
        """The class of the results of groups."""
        from .group_result import GroupResult

        return GroupResult

    @property
    def current_task(self) -> Any:
        """The task that runs here."""
        from .current import current_task

        return current_task._get_current_object()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise no_such_attribute("app", name)


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _related(packages: Any, related_name: str | None) -> Iterator[str]:
    for package in _names(_django_packages() if packages is None else packages):
        if related_name is None:
            yield package
            continue
        importlib.import_module(package)
        module = f"{package}.{related_name}"
        if importlib.util.find_spec(module) is not None:
            yield module


def _django_packages() -> tuple[str, ...]:
    apps = sys.modules.get("django.apps")
    if apps is None or not apps.apps.ready:
        return ()
    return tuple(config.name for config in apps.apps.get_app_configs())


def _imported(name: str) -> Any:
    module, _, attribute = name.replace(":", ".").rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ImproperlyConfigured(f"task_cls = {name!r} cannot be imported: {error}") from error
