"""Results: the handle of a call, by its id, and of a call that ran in this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..blocking import call
from ..client import GnosariClient
from ..consumers import in_job
from ..errors import JobError, JobNotFound, ResultTimeout
from . import states
from .context import current
from .exceptions import TimeoutError
from .failures import with_remote_traceback
from .reading import UNKNOWN, Snapshot, forget, read_call, revoke
from .wire import call_job_id

if TYPE_CHECKING:
    from .application import Celery
    from .group_result import GroupResult

_REFUSED = (
    "Never call result.get() within a task: it takes a worker's place while it waits for a worker. Chain the tasks "
    "(a.s() | b.s()), or say get(disable_sync_subtasks=False)"
)
_joining: ContextVar[bool] = ContextVar("gnosari_celery_joining", default=False)
_ASK_AGAIN = 0.1
_SLICE = 1.0


@contextmanager
def allow_join_result() -> Iterator[None]:
    """Results may be waited for within a task in this block."""
    token = _joining.set(True)
    try:
        yield
    finally:
        _joining.reset(token)


@contextmanager
def denied_join_result() -> Iterator[None]:
    """Results may not be waited for within a task in this block."""
    token = _joining.set(False)
    try:
        yield
    finally:
        _joining.reset(token)


def assert_will_not_block() -> None:
    """Refuse to wait within a task.

    Raises:
        RuntimeError: a task runs here.
    """
    if current() is not None and in_job() and not _joining.get():
        raise RuntimeError(_REFUSED)


class ResultBase:
    """What the handles of calls and of groups share."""

    parent: Any = None

    @property
    def ready_parents(self) -> Iterator[Any]:
        """The handles before this one, in a chain; the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent


class AsyncResult(ResultBase):
    """The handle of a call: asks the server when it is used, and holds no connection."""

    def __init__(
        self,
        id: str,
        backend: Any = None,
        task_name: str | None = None,
        app: Celery | None = None,
        parent: AsyncResult | GroupResult | None = None,
        *,
        jobs: tuple[str, ...] = (),
        owners: tuple[str, ...] = (),
    ) -> None:
        """``jobs`` are workflow ids that it may have; ``owners`` the workflows of the canvas that it is part of, with
        the one that starts it first."""
        if not id:
            raise ValueError(f"AsyncResult requires a valid id, not {id!r}")
        self.id = str(id)
        self.ignored = False
        self.parent = parent
        self._app = app
        self._name = task_name
        self._jobs = jobs
        self._owners = owners
        self._cache: Snapshot | None = None

    def __repr__(self) -> str:
        return f"<AsyncResult: {self.id}>"

    def __str__(self) -> str:
        return self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AsyncResult):
            return self.id == other.id
        return other == self.id if isinstance(other, str) else NotImplemented

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        assert_will_not_block()
        while self._cache is None and not self.ignored:
            try:
                # In slices: a thread that waits cannot be cancelled.
                await asyncio.to_thread(self._wait, _SLICE)
                break
            except TimeoutError:
                continue
        return self.get(disable_sync_subtasks=False)

    @property
    def app(self) -> Celery:
        """The app whose configuration counts for it."""
        if self._app is None:
            from .current import current_app_or_default

            return current_app_or_default()
        return self._app

    @property
    def task_id(self) -> str:
        """Its id."""
        return self.id

    # -- where it stands

    @property
    def state(self) -> str:
        """PENDING, STARTED, RETRY, SUCCESS, FAILURE, REVOKED, one of the task's own, or UNKNOWN."""
        return self._look().state

    status = state

    @property
    def result(self) -> Any:
        """The return value, the exception, or the meta of a state of the task's own."""
        return self._look().value

    info = result

    @property
    def traceback(self) -> str | None:
        """The traceback of the worker, for a call that failed."""
        return self._look().trace

    @property
    def date_done(self) -> datetime | None:
        """When it ended."""
        return self._look().ended_at

    @property
    def name(self) -> str | None:
        """The task's name."""
        return self._name or self._look().task

    @property
    def children(self) -> list[AsyncResult]:
        """The calls that it sent, callbacks included."""
        return [AsyncResult(id, app=self._app) for id in self._look().children]

    def ready(self) -> bool:
        """Whether it is over."""
        return self.state in states.READY_STATES

    def successful(self) -> bool:
        """Whether it succeeded."""
        return self.state == states.SUCCESS

    def failed(self) -> bool:
        """Whether it failed."""
        return self.state == states.FAILURE

    # -- waiting

    def get(
        self,
        timeout: timedelta | float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        no_ack: bool = True,
        follow_parents: bool = True,
        callback: Callable[[str, Any], Any] | None = None,
        on_message: Any = None,
        on_interval: Any = None,
        disable_sync_subtasks: bool = True,
        **_: Any,
    ) -> Any:
        """Wait for the result.

        Args:
            timeout: At most so many seconds.
            propagate: Raise the exception of a call that failed; else give it back.
            interval: Accepted without effect, as are ``no_ack``, ``on_message`` and ``on_interval``.
            no_ack: See there.
            follow_parents: Raise what failed before it in a chain, first.
            callback: Called with the id and the value.
            on_message: See there.
            on_interval: See there.
            disable_sync_subtasks: Refuse to wait within a task.

        Raises:
            TimeoutError: it is not over in time, and goes on.
            JobNotFound: the server has no such call.
            RuntimeError: called within a task.
        """
        if self.ignored:
            return None
        if disable_sync_subtasks:
            assert_will_not_block()
        found = self._cache or self._wait(timeout)
        if found.is_exception and propagate:
            self._raise(found, follow_parents)
        value = found.value if found.state in states.READY_STATES else None  # ended by Ignore
        if callback is not None:
            callback(self.id, value)
        return value

    wait = get

    def maybe_throw(self, propagate: bool = True, callback: Any = None) -> Any:
        """Raise the exception of a call that has failed; else give its value."""
        found = self._look()
        if propagate and found.state in states.PROPAGATE_STATES:
            self._raise(found, follow_parents=False)
        if callback is not None:
            callback(self.id, found.value)
        return found.value

    maybe_reraise = maybe_throw

    def then(self, callback: Callable[[Any], Any], on_error: Callable[[Any], Any] | None = None) -> AsyncResult:
        """Call ``callback`` with this result once it succeeded, in a thread of this process."""

        def follow() -> None:
            self._wait(None)
            if self.successful():
                callback(self)
            elif on_error is not None:
                on_error(self)

        threading.Thread(target=follow, name=f"then-{self.id}", daemon=True).start()
        return self

    def _raise(self, found: Snapshot, follow_parents: bool) -> None:
        if follow_parents:
            for parent in reversed(list(self.ready_parents)):
                parent.maybe_throw()
        raise with_remote_traceback(found.value, found.trace)

    # -- doing

    def revoke(self, terminate: bool = False, signal: Any = None, wait: bool = False, timeout: Any = None) -> None:
        """End it: a call that waits never runs; with ``terminate`` one that runs is cancelled."""
        call(lambda client: revoke(client, self._candidates(), terminate=terminate), in_event_loop=True)

    def forget(self) -> None:
        """Have the server answer its id as unknown; a call that has ended is deleted there."""
        self._cache = None
        call(lambda client: forget(client, self._candidates()), in_event_loop=True)

    def as_tuple(self) -> Any:
        """The id with that of the parent."""
        return (self.id, self.parent.as_tuple() if self.parent is not None else None), None

    def __reduce__(self) -> Any:
        return _restored, (self.id, self._name, self._jobs, self._owners, self.parent)

    # -- asking the server

    def _candidates(self) -> tuple[str, ...]:
        """The workflow ids that it may have, the likeliest first."""
        own = call_job_id(self.id)
        others = self.app.consumer_jobs(self.id) if not self._jobs else ()
        return (*self._jobs, own, *others, *((self.id,) if "/" in self.id else ()))

    def _look(self) -> Snapshot:
        if self._cache is not None:
            return self._cache
        found: Snapshot = call(self._read, repeatable=True, in_event_loop=True)
        if found.state in states.READY_STATES and found.ended_at is not None:
            self._cache = found
        return found

    async def _read(self, client: GnosariClient) -> Snapshot:
        # An owner that is found to have ended may have started the next one, or this call, since that was looked for.
        for _ in range(len(self._owners) + 1):
            found = await read_call(client, self._candidates(), self.app.result_expires)
            if found is not UNKNOWN or not self._owners:
                return found
            for owner in self._owners:
                above = await read_call(client, (owner,), None)
                if above.state in states.PROPAGATE_STATES:
                    return above  # it will never be started
                if above.state not in states.READY_STATES and above.state != states.UNKNOWN:
                    return Snapshot(states.PENDING, task=self._name)
        return found

    def _wait(self, timeout: timedelta | float | None) -> Snapshot:
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        deadline = None if seconds is None else time.monotonic() + seconds

        async def use(client: GnosariClient) -> Snapshot:
            while True:
                found = await self._read(client)
                if found.state == states.UNKNOWN:
                    raise JobNotFound(
                        f"no call with the id {self.id!r} on the server: it was never sent, or its result has expired "
                        "or was forgotten",
                        job_id=self.id,
                    )
                if found.ended_at is not None:
                    return found
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise ResultTimeout("", job_id=self.id)
                if found.job:
                    try:
                        await client.job(found.job).result(left)
                    except ResultTimeout:
                        raise
                    except JobError:
                        pass  # read anew: what became of it
                else:  # a part of a canvas that is not started yet
                    await asyncio.sleep(_ASK_AGAIN)

        try:
            found: Snapshot = call(use, repeatable=True, in_event_loop=True)
        except ResultTimeout:
            raise TimeoutError("The operation timed out.") from None
        self._cache = found if found.state in states.READY_STATES else None
        return found


def _restored(id: str, name: str | None, jobs: tuple[str, ...], owners: tuple[str, ...], parent: Any) -> AsyncResult:
    return AsyncResult(id, task_name=name, jobs=jobs, owners=owners, parent=parent)


def __getattr__(name: str) -> Any:
    """The other handles, which are made of this one."""
    if name == "EagerResult":
        from .eager_result import EagerResult

        return EagerResult
    if name == "GroupResult":
        from .group_result import GroupResult

        return GroupResult
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
