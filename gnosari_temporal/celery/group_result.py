"""The result of a group: the handles of its calls, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..blocking import call
from .exceptions import TimeoutError
from .nodes import job_of
from .reading import members_of_group, revoke
from .result import AsyncResult, ResultBase, assert_will_not_block
from .wire import CallNode, GroupNode, group_job_id

if TYPE_CHECKING:
    from .application import Celery


class GroupResult(ResultBase):
    """The handles of a group's calls."""

    def __init__(
        self,
        id: str | None = None,
        results: list[Any] | None = None,
        parent: Any = None,
        app: Celery | None = None,
        **_: Any,
    ) -> None:
        self.id = id
        self.results: list[Any] = list(results or [])
        self.parent = parent
        self._app = app

    def __repr__(self) -> str:
        return f"<GroupResult: {self.id} [{', '.join(str(result.id) for result in self.results)}]>"

    def __str__(self) -> str:
        return str(self.id)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)

    def __getitem__(self, index: int) -> Any:
        return self.results[index]

    def __bool__(self) -> bool:
        return bool(self.id or self.results)

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupResult) and self.id == other.id and self.results == other.results

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> list[Any]:
        return [await result for result in self.results]

    @property
    def children(self) -> list[Any]:
        """The handles of its calls."""
        return self.results

    def ready(self) -> bool:
        """Whether all are over."""
        return all(result.ready() for result in self.results)

    def successful(self) -> bool:
        """Whether all succeeded."""
        return all(result.successful() for result in self.results)

    def failed(self) -> bool:
        """Whether one failed."""
        return any(result.failed() for result in self.results)

    def waiting(self) -> bool:
        """Whether one is not over."""
        return any(not result.ready() for result in self.results)

    def completed_count(self) -> int:
        """How many succeeded."""
        return sum(1 for result in self.results if result.successful())

    def join(
        self,
        timeout: timedelta | float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None,
        no_ack: bool = True,
        on_message: Any = None,
        disable_sync_subtasks: bool = True,
        on_interval: Any = None,
    ) -> list[Any]:
        """Wait for all, at most ``timeout`` seconds together; their results in order.

        Raises:
            TimeoutError: they are not over in time, and go on.
            RuntimeError: called within a task.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        deadline = None if seconds is None else time.monotonic() + seconds
        values = []
        for result in self.results:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if deadline is not None and left == 0.0 and not result.ready():
                raise TimeoutError("join operation timed out")
            value = result.get(timeout=left, propagate=propagate, disable_sync_subtasks=False)
            if callback is not None:
                callback(result.id, value)
            else:
                values.append(value)
        return values

    join_native = join
    get = join
    wait = join

    def maybe_throw(self, *args: Any, **kwargs: Any) -> None:
        """Raise the exception of the first call that has failed."""
        for result in self.results:
            result.maybe_throw(*args, **kwargs)

    maybe_reraise = maybe_throw

    def revoke(self, terminate: bool = False, signal: Any = None, **_: Any) -> None:
        """Revoke all of its calls."""
        if self.id is not None:
            job = (group_job_id(self.id),)
            call(lambda client: revoke(client, job, terminate=True), in_event_loop=True)
        for result in self.results:
            result.revoke(terminate=terminate)

    def forget(self) -> None:
        """Forget all of its calls."""
        for result in self.results:
            result.forget()

    def save(self, backend: Any = None) -> GroupResult:
        """Nothing to do: a group is a workflow, and is found by its id."""
        return self

    def delete(self, backend: Any = None) -> None:
        """Forget it."""
        self.forget()

    @classmethod
    def restore(cls, id: str, backend: Any = None, app: Celery | None = None) -> GroupResult | None:
        """The result of a group by its id; None: the server has no such group."""
        run = call(lambda client: members_of_group(client, group_job_id(id)), repeatable=True, in_event_loop=True)
        return result_of_node(run.node, app=app) if run is not None else None

    def as_tuple(self) -> Any:
        """Its id with those of its calls."""
        parent = self.parent.as_tuple() if self.parent is not None else None
        return (self.id, parent), [result.as_tuple() for result in self.results]


def result_of_node(
    node: CallNode | GroupNode, *, app: Celery | None = None, parent: Any = None, owners: tuple[str, ...] = ()
) -> Any:
    """The handle of what a node ends with; its parents are those of what runs before.

    ``owners`` are the workflows above the node, the one that starts it first.
    """
    below = (job_of(node), *owners)
    for earlier in node.before:
        parent = result_of_node(earlier, app=app, parent=parent, owners=below)
    if isinstance(node, CallNode):
        id = node.job.partition("/")[2]
        jobs = (node.job,) if node.consumer else ()
        return AsyncResult(id, app=app, task_name=node.task, parent=parent, jobs=jobs, owners=owners)
    members: list[Any] = []
    for part in node.nodes:
        found = result_of_node(part, app=app, owners=below)
        members.extend(found.results if node.sliced else [found])
    return GroupResult(node.id, members, parent=parent, app=app)
