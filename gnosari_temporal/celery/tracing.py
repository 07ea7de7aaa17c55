"""One attempt of a task: its body, its hooks, and what becomes of the call. Knows nothing of a server."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio.exceptions import CancelledError

from ..execution.limits import check_result
from . import states
from .context import Context, running
from .exceptions import Ignore, Retry
from .failures import EXCEPTION, ExceptionInfo, describe
from .task_base import TaskBase
from .values import encode
from .wire import NextTry, Outcome

if TYPE_CHECKING:
    from .task import Task

logger = logging.getLogger("gnosari_temporal.celery")


@dataclass(frozen=True)
class Ended:
    """How an attempt ended."""

    state: str
    """SUCCESS, FAILURE, RETRY or IGNORED."""
    value: Any = None
    """The result, as the body gave it."""
    outcome: Outcome | None = None
    error: BaseException | None = None
    """The exception, or the reason of the retry."""
    trace: str = ""
    wanted: NextTry | None = None
    children: tuple[str, ...] = ()

    def details(self) -> dict[str, Any]:
        """The details of a failure, or of a retry."""
        found: dict[str, Any] = {"traceback": self.trace}
        if self.error is not None:
            found[EXCEPTION] = describe(self.error)
        if self.children:
            found["children"] = list(self.children)
        return found


class Attempt:
    """One attempt. Call ``run`` for a plain task, ``run_async`` for a coroutine."""

    def __init__(self, task: Task, request: Context, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.task, self.request, self.args, self.kwargs = task, request, args, kwargs

    def run(self, around: Callable[[Callable[[], Any]], Any] | None = None) -> Ended:
        """Run the task; ``around`` calls the body, and may raise into it."""
        with running(self.task, self.request):
            try:
                self._before()
                value = around(self._body) if around else self._body()
            except CancelledError:
                raise  # the attempt is ended from outside: what becomes of the call is decided there
            except Exception as error:  # noqa: BLE001
                return self._failed(error)
            return self._succeeded(value)

    async def run_async(self, around: Callable[[Awaitable[Any]], Awaitable[Any]] | None = None) -> Ended:
        """Run the task, whose body is a coroutine."""
        with running(self.task, self.request):
            try:
                self._before()
                value = self._body()
                if inspect.isawaitable(value):
                    value = await (around(value) if around else value)
            except CancelledError:
                raise  # the attempt is ended from outside: what becomes of the call is decided there
            except Exception as error:  # noqa: BLE001
                return self._failed(error)
            return self._succeeded(value)

    def _body(self) -> Any:
        task = self.task
        if type(task).__call__ is TaskBase.__call__:
            return task.run(*self.args, **self.kwargs)
        self.request.entering = True
        return task(*self.args, **self.kwargs)

    def _before(self) -> None:
        self._hook("before_start", self.request.id, self.args, self.kwargs)

    def _succeeded(self, value: Any) -> Ended:
        if self.request.wanted is not None:  # retry(throw=False), or its exception was swallowed
            return self._retried(self.request.wanted, Retry())
        try:
            kept = encode(value, "the result")
            outcome = Outcome(value=kept, children=list(self.request.children_ids), unkept=self.request.ignore_result)
            check_result(outcome, self.task.name or "task")
        except Exception as error:  # noqa: BLE001
            return self._failed(error)
        self._hook("on_success", value, self.request.id, self.args, self.kwargs)
        self._hook("after_return", states.SUCCESS, value, self.request.id, self.args, self.kwargs, None)
        return Ended(states.SUCCESS, value, outcome)

    def _failed(self, error: Exception) -> Ended:
        if self.request.wanted is None:
            error = self._automatic_retry(error)
        if self.request.wanted is not None:
            return self._retried(self.request.wanted, error)
        if isinstance(error, Ignore):
            state, meta = self.request.state or (None, None)
            outcome = Outcome(state=state, meta=meta, ignored=True, children=list(self.request.children_ids))
            return Ended(states.IGNORED, None, outcome)
        info = ExceptionInfo(error)
        expected = isinstance(error, tuple(self.task.throws or ()))
        log = logger.info if expected else logger.debug
        log("task %s[%s] raised %s: %s", self.task.name, self.request.id, type(error).__name__, error)
        self._hook("on_failure", error, self.request.id, self.args, self.kwargs, info)
        self._hook("after_return", states.FAILURE, error, self.request.id, self.args, self.kwargs, info)
        return Ended(states.FAILURE, error=error, trace=info.traceback, children=tuple(self.request.children_ids))

    def _automatic_retry(self, error: Exception) -> Exception:
        """Ask for a retry where ``autoretry_for`` says so; gives the exception that counts."""
        task = self.task
        listed = isinstance(error, tuple(task.autoretry_for or ()))
        if not listed or isinstance(error, (Ignore, Retry, *(task.dont_autoretry_for or ()))):
            return error
        options = dict(task.retry_kwargs or {})
        if task.retry_backoff:
            options["countdown"] = task.backoff_delay(self.request.retries)
        try:
            task.retry(exc=error, **options)
        except Retry as asked:
            return asked
        except Exception as final:  # noqa: BLE001  (no retry is left)
            return final
        return error

    def _retried(self, wanted: NextTry, error: Exception) -> Ended:
        reason = (error.exc if isinstance(error, Retry) else error) or error
        info = ExceptionInfo(reason)
        self._hook("on_retry", reason, self.request.id, self.args, self.kwargs, info)
        return Ended(
            states.RETRY,
            error=reason,
            trace=info.traceback,
            wanted=wanted,
            children=tuple(self.request.children_ids),
        )

    def _hook(self, name: str, *args: Any) -> None:
        hook = getattr(self.task, name)
        if getattr(type(self.task), name) is getattr(TaskBase, name):
            return
        try:
            hook(*args)
        except Exception:
            logger.exception("%s of task %s raised; the outcome stays", name, self.task.name)


def in_words(wanted: NextTry, error: BaseException | None) -> str:
    """A retry in words."""
    seconds = wanted.delay / timedelta(seconds=1)
    reason = f": {error!r}" if error is not None and not isinstance(error, Retry) else ""
    return f"again in {seconds:g} s{reason}"
