"""The canvas: chains, groups and chords of signatures, and calls for many items."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidMessage
from .signatures import Signature, as_signature, maybe_signature, signature, subtask

if TYPE_CHECKING:
    from .application import Celery

MAP, STARMAP, CHUNKS = "celery.map", "celery.starmap", "celery.chunks"


class _Canvas(Signature):
    """What chains, groups and chords share: they are sent as one workflow."""

    def apply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send it; returns the handle of what it ends with."""
        if self.app.conf.task_always_eager:
            return self.apply(args, kwargs, **options)
        from .planning import send_canvas

        return send_canvas(self, tuple(args or ()), dict(kwargs or {}), options)

    def apply(self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Run it here, in this process."""
        from .eager import run_canvas

        return run_canvas(self, tuple(args or ()), dict(kwargs or {}), options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Send it."""
        return self.apply_async(args, kwargs)

    @property
    def app(self) -> Celery:
        """The app that sends it: its own, else that of one of its calls."""
        if self._app is None:
            for part in self.flatten():
                if part._app is not None:
                    return part._app
        return super().app


class _chain(_Canvas):  # noqa: N801
    """Calls that run one after another, each with the result of the one before."""

    subtask_kind = "chain"

    def __init__(self, *tasks: Any, app: Celery | None = None, **options: Any) -> None:
        found = tasks[0] if len(tasks) == 1 and not isinstance(tasks[0], Mapping) else tasks
        given = [as_signature(item) for item in found]
        super().__init__("celery.chain", (), {"tasks": tuple(given)}, options, app=app)

    @property
    def tasks(self) -> tuple[Signature, ...]:
        """Its parts."""
        return tuple(as_signature(item) for item in self.kwargs["tasks"])

    def flatten(self) -> Iterator[Signature]:
        """The plain calls in it."""
        return itertools.chain.from_iterable(part.flatten() for part in self.tasks)

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.tasks))


class chain(_chain):  # noqa: N801
    """Calls that run one after another, each with the result of the one before; a group followed by a task is a
    chord."""

    def __new__(cls, *tasks: Any, **options: Any) -> Any:
        """A single part is that part itself, as on Celery."""
        found = list(tasks[0]) if len(tasks) == 1 and not isinstance(tasks[0], Mapping) else list(tasks)
        if len(found) == 1 and not options:
            return as_signature(found[0])
        made: Any = super().__new__(_chain)
        made.__init__(*found, **options)
        return made


class group(_Canvas):  # noqa: N801
    """Calls that run side by side; their results are in the order of the calls."""

    subtask_kind = "group"

    def __init__(self, *tasks: Any, app: Celery | None = None, **options: Any) -> None:
        found = tasks[0] if len(tasks) == 1 and not isinstance(tasks[0], Mapping) else tasks
        if isinstance(tasks[0] if tasks else None, group) and len(tasks) == 1:
            found = tasks[0].tasks
        super().__init__("celery.group", (), {"tasks": [as_signature(i) for i in found]}, options, app=app)

    @property
    def tasks(self) -> list[Signature]:
        """Its calls."""
        return [as_signature(item) for item in self.kwargs["tasks"]]

    def flatten(self) -> Iterator[Signature]:
        """The plain calls in it."""
        return itertools.chain.from_iterable(part.flatten() for part in self.tasks)

    def set_immutable(self, immutable: bool) -> None:
        """Of all of its calls."""
        for task in self.kwargs["tasks"]:
            task["immutable"] = immutable

    def link(self, callback: Signature) -> Signature:
        """Link to the first call, without its result, as Celery does."""
        self.kwargs["tasks"] = self.tasks
        return self.tasks[0].link(callback.clone().set(immutable=True))

    def link_error(self, errback: Signature) -> Signature:
        """Link to each of its calls."""
        self.kwargs["tasks"] = self.tasks
        for task in self.kwargs["tasks"]:
            task.link_error(errback)
        return errback

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> group:
        """Give its calls countdowns that grow."""
        self.kwargs["tasks"] = self.tasks
        countdown = start
        for task in self.kwargs["tasks"]:
            task.set(countdown=countdown)
            countdown = countdown + step if stop is None else min(countdown + step, stop)
        return self

    def __len__(self) -> int:
        return len(self.kwargs["tasks"])

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"group({self.tasks!r})"


class chord(_Canvas):  # noqa: N801
    """A group, the header, and a call, the body, that runs with the list of its results once all succeeded."""

    subtask_kind = "chord"

    def __init__(
        self,
        header: Any,
        body: Any = None,
        task: Any = None,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        app: Celery | None = None,
        **options: Any,
    ) -> None:
        parts = header if isinstance(header, group) else group(header)
        given = {**dict(kwargs or {}), "header": parts, "body": as_signature(body) if body is not None else None}
        super().__init__("celery.chord", tuple(args or ()), given, options, app=app)

    @property
    def tasks(self) -> group:
        """The header."""
        found: group = as_signature(self.kwargs["header"])
        return found

    @property
    def body(self) -> Signature | None:
        """The body, once it is given."""
        found = self.kwargs.get("body")
        return as_signature(found) if found is not None else None

    def __call__(self, body: Any = None, **options: Any) -> Any:
        """Send it with this body."""
        return self.with_body(body).apply_async((), {}, **options)

    def with_body(self, body: Any) -> chord:
        """A copy with this body."""
        if body is None and self.body is None:
            raise InvalidMessage("a chord needs a body: chord(header)(body)")
        copy = self.clone()
        if body is not None:
            copy.kwargs["body"] = as_signature(body).clone()
        return copy

    def flatten(self) -> Iterator[Signature]:
        """The plain calls in it."""
        yield from self.tasks.flatten()
        if self.body is not None:
            yield from self.body.flatten()

    def link(self, callback: Signature) -> Signature:
        """Link to the body."""
        return self._body().link(callback)

    def link_error(self, errback: Signature) -> Signature:
        """Link to the body."""
        return self._body().link_error(errback)

    def _body(self) -> Signature:
        if self.body is None:
            raise InvalidMessage("a chord needs a body: chord(header)(body)")
        self.kwargs["body"] = self.body
        found: Signature = self.kwargs["body"]
        return found

    def __repr__(self) -> str:
        return f"chord({self.tasks!r}, {self.body!r})"


class _Many(Signature):
    """A call that runs another task's body for many items."""

    def __init__(self, task: Any, it: Iterable[Any], app: Celery | None = None, **options: Any) -> None:
        inner = as_signature(task)
        super().__init__(self.task_name, (), {"task": inner, "it": list(it)}, options, app=app or inner._app)

    task_name = MAP


class xmap(_Many):  # noqa: N801
    """One call that runs the body for each item."""

    subtask_kind = "xmap"
    task_name = MAP


class xstarmap(_Many):  # noqa: N801
    """One call that runs the body for each tuple of arguments."""

    subtask_kind = "xstarmap"
    task_name = STARMAP


class chunks(Signature):  # noqa: N801
    """A group with one call for every ``n`` tuples of arguments."""

    subtask_kind = "chunks"

    def __init__(self, task: Any, it: Iterable[Any], n: int, app: Celery | None = None, **options: Any) -> None:
        inner = as_signature(task)
        given = {"task": inner, "it": list(it), "n": n}
        super().__init__(CHUNKS, (), given, options, app=app or inner._app)

    def group(self) -> group:
        """The group that it is."""
        task, items, size = self.kwargs["task"], self.kwargs["it"], self.kwargs["n"]
        parts = [items[first : first + size] for first in range(0, len(items), size)]
        return group([xstarmap(task, part, app=self._app) for part in parts], app=self._app)

    def apply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Send the group."""
        return self.group().apply_async((), {}, **{**self.options, **options})

    def apply(self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Run the group here."""
        return self.group().apply((), {}, **{**self.options, **options})

    def __call__(self, **options: Any) -> Any:
        """Send the group."""
        return self.apply_async(**options)


def joined(first: Signature, second: Signature) -> Any:
    """One after the other: a chain; a group followed by a task is a chord."""
    left = list(first.tasks) if isinstance(first, _chain) else [first]
    right = list(second.tasks) if isinstance(second, _chain) else [second]
    if len(left) == 1 and isinstance(left[0], group) and len(right) == 1 and not isinstance(right[0], group):
        return chord(left[0], right[0], app=first._app)
    return _chain(*left, *right, app=first._app or second._app)


__all__ = [
    "Signature",
    "chain",
    "chord",
    "chunks",
    "group",
    "maybe_signature",
    "signature",
    "subtask",
    "xmap",
    "xstarmap",
]
