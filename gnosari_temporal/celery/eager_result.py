"""The result of a call that ran in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import states
from .reading import Snapshot
from .result import AsyncResult


class EagerResult(AsyncResult):
    """The result of a call that ran in this process."""

    def __init__(
        self, id: str, ret_value: Any, state: str, traceback: str | None = None, name: str | None = None
    ) -> None:
        super().__init__(id, task_name=name)
        self._snapshot = Snapshot(state, value=ret_value, trace=traceback, task=name)

    def __repr__(self) -> str:
        return f"<EagerResult: {self.id}>"

    def _look(self) -> Snapshot:
        return self._snapshot

    def get(self, timeout: Any = None, propagate: bool = True, *_: Any, **__: Any) -> Any:
        """The value; raises the exception of a call that failed, unless told otherwise."""
        found = self._snapshot
        if found.state in states.PROPAGATE_STATES and propagate:
            value = found.value
            raise value if isinstance(value, BaseException) else Exception(value)
        return found.value

    wait = get

    async def _awaited(self) -> Any:
        return self.get()

    def then(self, callback: Callable[[Any], Any], on_error: Callable[[Any], Any] | None = None) -> AsyncResult:
        """Call ``callback`` with this result."""
        callback(self)
        return self

    def revoke(self, *args: Any, **kwargs: Any) -> None:
        """It has run: the state becomes REVOKED."""
        self._snapshot = Snapshot(states.REVOKED, value=self._snapshot.value, task=self._name)

    def forget(self) -> None:
        """Nothing is kept anywhere."""

    def __reduce__(self) -> Any:
        found = self._snapshot
        return EagerResult, (self.id, found.value, found.state, found.trace, self._name)
