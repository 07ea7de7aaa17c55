"""The signature: a call that is sent later, or is part of a canvas. A dict, so that it can be an argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from ..errors import InvalidMessage
from ..messages import shorten

if TYPE_CHECKING:
    from .application import Celery
    from .task import Task

_kinds: dict[str, type[Signature]] = {}


class Signature(dict[str, Any]):
    """A call that is sent later, or is part of a canvas."""

    subtask_kind: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.subtask_kind is not None:
            _kinds.setdefault(cls.subtask_kind, cls)

    def __init__(
        self,
        task: Any = None,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        type: Any = None,
        subtask_type: str | None = None,
        immutable: bool = False,
        app: Celery | None = None,
        **more: Any,
    ) -> None:
        if isinstance(task, Mapping):
            super().__init__(task)
        else:
            super().__init__(
                task=task if isinstance(task, str) else task.name,
                args=tuple(args or ()),
                kwargs=dict(kwargs or {}),
                options={**dict(options or {}), **more},
                subtask_type=subtask_type or self.subtask_kind,
                immutable=immutable,
            )
        self._app = app if app is not None or isinstance(task, str | Mapping) else getattr(task, "app", None)
        self._task = task if not isinstance(task, str | Mapping) else type

    # -- fields

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self["task"])

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task

    @property
    def args(self) -> tuple[Any, ...]:
        """Positional arguments."""
        return tuple(self["args"] or ())

    @args.setter
    def args(self, value: Iterable[Any]) -> None:
        self["args"] = tuple(value)

    @property
    def kwargs(self) -> dict[str, Any]:
        """Keyword arguments."""
        found: dict[str, Any] = self["kwargs"]
        return found

    @kwargs.setter
    def kwargs(self, value: Mapping[str, Any]) -> None:
        self["kwargs"] = dict(value)

    @property
    def options(self) -> dict[str, Any]:
        """Options of ``apply_async``."""
        found: dict[str, Any] = self["options"]
        return found

    @options.setter
    def options(self, value: Mapping[str, Any]) -> None:
        self["options"] = dict(value)

    @property
    def immutable(self) -> bool:
        """Whether it takes no result of what ran before."""
        return bool(self.get("immutable"))

    @immutable.setter
    def immutable(self, value: bool) -> None:
        self["immutable"] = value

    @property
    def subtask_type(self) -> str | None:
        """``chain``, ``group`` and so on; None for a plain call."""
        found: str | None = self.get("subtask_type")
        return found

    @property
    def id(self) -> str | None:
        """The task id, once it is set."""
        found: str | None = self.options.get("task_id")
        return found

    @property
    def app(self) -> Celery:
        """The app that sends it."""
        if self._app is None:
            from .current import current_app_or_default

            return current_app_or_default()
        return self._app

    @property
    def type(self) -> Task:
        """The task itself.

        Raises:
            NotRegistered: this process does not know it.
        """
        found: Task = self._task if self._task is not None else self.app.tasks[self.task]
        return found

    @property
    def known_task(self) -> Task | None:
        """The task itself, or None where this process does not know it."""
        return self._task if self._task is not None else self.app.tasks.get(self.task)

    # -- calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body here, as a plain function."""
        given = self.merged(args, kwargs)
        return self.type(*given[0], **given[1])

    def delay(self, *args: Any, **kwargs: Any) -> Any:
        """Send it, with more arguments before its own."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send it; ``options`` are those of ``Task.apply_async``."""
        if self.app.conf.task_always_eager:
            return self.apply(args, kwargs, **options)
        given, named, chosen = self.merged(args or (), kwargs or {}, options)
        task = self.known_task
        if task is not None and task.app is not None:
            return task.apply_async(given, named, **chosen)
        return self.app.send_task(self.task, given, named, **chosen)

    def apply(self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Run it here, in this process."""
        given, named, chosen = self.merged(args or (), kwargs or {}, options)
        return self.type.apply(given, named, **chosen)

    def merged(
        self, args: Iterable[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
        """Arguments and options with more of them, which go first; an immutable one takes options only."""
        chosen = {**self.options, **(options or {})}
        if self.immutable:
            return self.args, dict(self.kwargs), chosen
        return (*args, *self.args), {**self.kwargs, **kwargs}, chosen

    # -- changing

    def clone(self, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any) -> Self:
        """A copy, with more arguments."""
        given, named, chosen = self.merged(args, kwargs or {}, options)
        copy = self._copy()
        copy["args"], copy["kwargs"], copy["options"] = given, named, _copied(chosen)
        return copy

    partial = clone

    def _copy(self) -> Self:
        copy = type(self).__new__(type(self))
        dict.__init__(copy, {key: _copied(value) for key, value in self.items()})
        copy._app, copy._task = self._app, self._task
        return copy

    def __deepcopy__(self, memo: Any) -> Self:
        return self._copy()

    def __reduce__(self) -> Any:
        return signature, (dict(self),)

    def set(self, immutable: bool | None = None, **options: Any) -> Self:
        """Set options."""
        if immutable is not None:
            self.set_immutable(immutable)
        self.options.update(options)
        return self

    def set_immutable(self, immutable: bool) -> None:
        """Whether it takes no result of what ran before."""
        self.immutable = immutable

    def freeze(self, _id: str | None = None, **_: Any) -> Any:
        """Give it its task id, and return the handle of the call to come."""
        from .result import AsyncResult
        from .sending import new_id

        self.options["task_id"] = _id or self.id or new_id()
        return AsyncResult(self.options["task_id"], app=self._app, task_name=self.task)

    def link(self, callback: Signature) -> Signature:
        """Call this with the result; returns the callback."""
        return self._append("link", callback)

    def link_error(self, errback: Signature) -> Signature:
        """Call this with the request, the exception and the traceback of a failure; returns the callback."""
        return self._append("link_error", errback)

    def on_error(self, errback: Signature) -> Self:
        """``link_error``; returns this signature."""
        self.link_error(errback)
        return self

    def _append(self, key: str, item: Signature) -> Signature:
        items = self.options.get(key) or []
        items = list(items) if isinstance(items, list | tuple) else [items]
        if item not in items:
            items.append(item)
        self.options[key] = items
        return item

    def __or__(self, other: Any) -> Any:
        """A chain; a group followed by a task is a chord."""
        from .canvas import joined

        return joined(self, other) if isinstance(other, Signature) else NotImplemented

    def __ior__(self, other: Any) -> Any:
        return self | other

    def flatten(self) -> Iterator[Signature]:
        """The plain calls in it."""
        yield self

    def __repr__(self) -> str:
        words = [shorten(repr(value), 40) for value in self.args]
        words += [f"{key}={shorten(repr(value), 40)}" for key, value in self.kwargs.items()]
        return f"{self.task}({', '.join(words)})"


def _copied(value: Any) -> Any:
    if isinstance(value, Signature):
        return value._copy()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_copied(item) for item in value])
    return value


def as_signature(item: Any, app: Celery | None = None) -> Any:
    """A signature, also of one that came as plain data."""
    if isinstance(item, Signature):
        return item
    if isinstance(item, Mapping) and "task" in item:
        kind = _kinds.get(item.get("subtask_type") or "", Signature)
        made = kind.__new__(kind)
        dict.__init__(made, item)
        for key, value in {"args": (), "kwargs": {}, "options": {}, "immutable": False}.items():
            made.setdefault(key, value)
        made._app, made._task = app, None
        return made
    if hasattr(item, "signature") and hasattr(item, "apply_async"):
        return item.signature()
    raise InvalidMessage(f"{shorten(repr(item), 80)} is no signature: write task.s(…)")


def signature(varies: Any, *args: Any, **kwargs: Any) -> Any:
    """A signature by the task's name, or of one that came as plain data."""
    app = kwargs.get("app")
    if isinstance(varies, Signature):
        return varies.clone()
    if isinstance(varies, Mapping):
        return as_signature(varies, app=app)
    return Signature(varies, *args, **kwargs)


subtask = signature


def maybe_signature(item: Any, app: Celery | None = None, clone: bool = False) -> Any:
    """The signature of plain data that is one; anything else stays what it is."""
    if isinstance(item, Signature):
        return item.clone() if clone else item
    return as_signature(item, app=app) if isinstance(item, Mapping) and "task" in item else item
