"""The task: a function that is called through the server, with its declared options."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ..consumers import DEFAULT_HEARTBEAT_TIMEOUT
from ..registry import Parts
from .context import Context, request_of
from .declaring import check_task_options
from .exceptions import MaxRetriesExceededError, NotSupported, Retry
from .message_count import advanced
from .task_base import TaskBase
from .values import encode
from .wire import NextTry

if TYPE_CHECKING:
    from .application import Celery
    from .canvas import Signature, chunks, xmap, xstarmap
    from .eager_result import EagerResult
    from .result import AsyncResult


class FromApp:
    """An option that is the app's setting until a task declares its own."""

    def __init__(self, setting: str) -> None:
        self.setting = setting

    def __get__(self, task: Task | None, owner: type[Task]) -> Any:
        app = (task or owner).app if (task or owner).app is not None else None
        return app.conf[self.setting] if app is not None else None


class Task(TaskBase):
    """Base class of tasks: what ``@app.task`` makes one of, and what ``base=`` is derived from."""

    abstract: ClassVar[bool] = True
    name: str | None = None
    app: Celery | None = None
    typing: bool = True
    """Check arguments against the body's signature when it is called."""
    max_retries: Any = FromApp("task_max_retries")
    default_retry_delay: Any = FromApp("task_retry_delay")
    autoretry_for: Iterable[type[BaseException]] = ()
    dont_autoretry_for: Iterable[type[BaseException]] = ()
    retry_kwargs: Mapping[str, Any] | None = None
    retry_backoff: bool | int | float = False
    retry_backoff_max: float = 600
    retry_jitter: bool = True
    throws: Iterable[type[BaseException]] = ()
    queue: Any = None
    priority: int | None = None
    expires: Any = None
    time_limit: Any = FromApp("task_time_limit")
    soft_time_limit: Any = FromApp("task_soft_time_limit")
    acks_late: Any = FromApp("task_acks_late")
    ignore_result: Any = FromApp("task_ignore_result")
    heartbeat_timeout: float = DEFAULT_HEARTBEAT_TIMEOUT.total_seconds()
    """Seconds without a sign of life after which an attempt counts as lost; not one of Celery's options."""
    serializer: str | None = None
    bind: bool = False

    MaxRetriesExceededError = MaxRetriesExceededError

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "abstract" not in cls.__dict__:
            cls.abstract = False

    def __repr__(self) -> str:
        return f"<@task: {self.name}>"

    def __gnosari_parts__(self) -> Parts:
        """What a worker needs to run it."""
        from .builtin import BUILTIN
        from .consumer import parts_of_tasks

        return parts_of_tasks([self, *BUILTIN.values()])

    def __reduce__(self) -> Any:
        return _task_of_name, (self.name,)

    @property
    def request(self) -> Context:
        """The call that runs here; outside a call one that says ``called_directly``."""
        return request_of(self) or Context()

    @property
    def is_async(self) -> bool:
        """Whether the body is a coroutine."""
        return inspect.iscoroutinefunction(self.run)

    @property
    def owner(self) -> Celery:
        """The app that it belongs to."""
        if self.app is None:
            from .current import current_app_or_default

            return current_app_or_default()
        return self.app

    # -- calling

    def delay(self, *args: Any, **kwargs: Any) -> AsyncResult:
        """Send a call with these arguments; returns once the server has it."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Send a call.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            task_id: Its identity; an id that exists is the same call.
            producer: Accepted without effect.
            link: Signatures that are called with the result.
            link_error: Signatures that are called with the request, the exception and the traceback.
            shadow: Summary in the Web UI.
            options: ``countdown`` and ``eta``, ``expires``, ``queue``, ``priority``, ``headers``, ``time_limit``,
                ``soft_time_limit``, ``ignore_result``, ``retry``, ``retry_policy``, ``serializer``.

        Raises:
            TypeError: the arguments don't fit the body, or an option is unknown.
            InvalidMessage, MessageTooLarge: refused before anything was sent.
            ServerUnreachable: nobody answers.
        """
        given, named = tuple(args or ()), dict(kwargs or {})
        if self.typing:
            self._check_arguments(given, named)
        if self.owner.conf.task_always_eager:
            return self.apply(given, named, task_id=task_id, link=link, link_error=link_error, shadow=shadow, **options)
        from .sending import send_call

        return send_call(
            self.owner,
            str(self.name),
            given,
            named,
            task=self,
            options={
                **options,
                "task_id": task_id,
                "link": link,
                "link_error": link_error,
                "shadow": shadow,
                "producer": producer,
            },
        )

    def apply(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        link: Any = None,
        link_error: Any = None,
        task_id: str | None = None,
        retries: int = 0,
        throw: bool | None = None,
        **options: Any,
    ) -> EagerResult:
        """Run the call here, in this process, without a server; retries follow at once.

        ``throw`` raises the exception of a call that fails; it is the setting ``task_eager_propagates`` by default.
        """
        from .eager import run_eagerly

        return run_eagerly(
            self,
            tuple(args or ()),
            dict(kwargs or {}),
            link=link,
            link_error=link_error,
            task_id=task_id,
            retries=retries,
            throw=throw,
            options=options,
        )

    def _check_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            inspect.signature(self.run).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None
        except ValueError:
            return  # a body whose signature cannot be told

    # -- signatures

    def signature(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Signature:
        """A call that is sent later, or is part of a canvas."""
        from .canvas import Signature

        immutable = options.pop("immutable", False)
        given = {**options.pop("options", {}), **options}
        return Signature(self, args, kwargs, given, immutable=immutable, app=self.app)

    subtask = signature

    def s(self, *args: Any, **kwargs: Any) -> Signature:
        """``signature`` with these arguments."""
        return self.signature(args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> Signature:
        """``s``, but it takes no result of what ran before."""
        return self.signature(args, kwargs, immutable=True)

    def map(self, it: Iterable[Any]) -> xmap:
        """One call that runs the body for each item."""
        from .canvas import xmap

        return xmap(self.s(), it, app=self.app)

    def starmap(self, it: Iterable[Any]) -> xstarmap:
        """One call that runs the body for each tuple of arguments."""
        from .canvas import xstarmap

        return xstarmap(self.s(), it, app=self.app)

    def chunks(self, it: Iterable[Any], n: int) -> chunks:
        """A group with a call for every ``n`` tuples of arguments."""
        from .canvas import chunks

        return chunks(self.s(), it, n, app=self.app)

    # -- inside a call

    def retry(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: datetime | None = None,
        countdown: float | timedelta | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Have the call run again: another attempt, under the same id.

        Args:
            args: Arguments of the next attempt in place of this one's.
            kwargs: Likewise.
            exc: The reason, raised where no retry is left.
            throw: Raise ``Retry``; else return it, and the body goes on to its end.
            eta: When.
            countdown: Or after how many seconds; ``default_retry_delay`` by default.
            max_retries: The limit in place of the task's own.
            options: Refused: an attempt stays in its queue.

        Raises:
            Retry: the call is to run again.
            MaxRetriesExceededError: no retry is left (or ``exc``, where given).
        """
        if options:
            names = ", ".join(sorted(options))
            raise NotSupported(
                f"retry() takes no {names} here: a retry is an attempt of the same job and stays in its queue. "
                "Send a new call with apply_async, then raise Ignore()"
            )
        request = self.request
        if request.called_directly:
            _raise_with_context(exc or Retry("Task can be retried", None))
        limit = self.max_retries if max_retries is None else max_retries
        if limit is not None and request.retries + 1 > limit:
            if exc is not None:
                _raise_with_context(exc)
            raise self.MaxRetriesExceededError(
                f"Can't retry {self.name}[{request.id}] args:{request.args} kwargs:{request.kwargs}",
                task_args=request.args,
                task_kwargs=request.kwargs,
            )
        if eta is None and countdown is None:
            countdown = self.default_retry_delay
        request.wanted = NextTry(
            delay=_delay(eta, countdown, self.owner.conf.zone),
            args=None if args is None else [encode(value, f"args[{n}]") for n, value in enumerate(args)],
            kwargs=None if kwargs is None else encode(dict(kwargs), "kwargs"),
        )
        if args is None and kwargs is None:
            again = {"args": encode(request.args or [], "args"), "kwargs": encode(request.kwargs or {}, "kwargs")}
            if again == request.given:  # not changed in place by the body
                again = advanced(again["args"], again["kwargs"]) or {}
            request.wanted = request.wanted.model_copy(update=again)
        asked = Retry(exc=exc, when=eta or _seconds(countdown), is_eager=request.is_eager, sig=None)
        if throw:
            raise asked
        return asked

    def backoff_delay(self, retries: int) -> int:
        """Seconds before an automatic retry: doubled each time, up to ``retry_backoff_max``, with full jitter."""
        factor = int(max(1.0, float(self.retry_backoff)))
        delay = int(min(factor * 2**retries, self.retry_backoff_max))
        return max(0, random.randrange(delay + 1) if self.retry_jitter else delay)

    def update_state(
        self,
        task_id: str | None = None,
        state: str | None = None,
        meta: Any = None,
        **kwargs: Any,
    ) -> None:
        """Set a state of your own, seen as ``state`` and ``info`` of the result while the attempt runs.

        Raises:
            NotSupported: for another call than the one that runs here.
        """
        request = self.request
        if task_id is not None and task_id != request.id:
            raise NotSupported(f"update_state({task_id!r}) of another call: a call sets its own state only")
        kept = encode(meta, "meta")
        request.state = (str(state), kept)
        if request.heartbeat is not None:
            request.heartbeat({"state": state, "meta": kept})

    def AsyncResult(self, task_id: str, **kwargs: Any) -> AsyncResult:  # noqa: N802
        """The handle of a call of this task."""
        from .result import AsyncResult

        return AsyncResult(task_id, app=self.app, task_name=self.name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from .declaring import no_such_attribute

        raise no_such_attribute("task", name)


def make_task(app: Celery, function: Callable[..., Any], base: type[Task], options: dict[str, Any]) -> Task:
    """The task of a function, with the options of its decorator.

    Raises:
        NotSupported: an option has no counterpart here.
    """
    given = dict(options)
    given.pop("base", None)
    bind = bool(given.get("bind", False))
    name = given.pop("name", None) or app.gen_task_name(function.__name__, function.__module__)
    attributes = check_task_options(name, given)
    namespace: dict[str, Any] = {
        **attributes,
        "name": name,
        "app": app,
        "abstract": False,
        "run": function if bind else staticmethod(function),
        "__module__": function.__module__,
        "__doc__": function.__doc__,
        "__wrapped__": function if bind else staticmethod(function),
        "__name__": function.__name__,
        "_decorated": True,
    }
    if "__annotations__" in vars(function):
        namespace["__annotations__"] = {}
    task: Task = type(function.__name__, (base,), namespace)()
    task.__dict__["__qualname__"] = function.__qualname__
    return task


def _task_of_name(name: str) -> Any:
    from .current import current_app_or_default

    return current_app_or_default().tasks[name]


def _raise_with_context(error: BaseException) -> NoReturn:
    """Raise, with the exception that is being handled as its cause."""
    import sys

    handled = sys.exc_info()[1]
    if handled is None or handled is error:
        raise error
    raise error from handled


def _delay(eta: datetime | None, countdown: float | timedelta | None, zone: Any) -> timedelta:
    if eta is not None:
        due = eta if eta.tzinfo is not None else eta.replace(tzinfo=zone)
        return max(timedelta(0), due - datetime.now(UTC))
    seconds = _seconds(countdown) or 0
    return timedelta(seconds=max(0.0, float(seconds)))


def _seconds(countdown: float | timedelta | None) -> float | None:
    return countdown.total_seconds() if isinstance(countdown, timedelta) else countdown
