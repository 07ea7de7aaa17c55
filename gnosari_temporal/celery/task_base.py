"""The base of tasks: what a class of your own may override."""

from __future__ import annotations

from typing import Any

from .context import Context, request_of, running


class TaskBase:
    """A task's call and hooks as they are unless overridden."""

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The body."""
        raise NotImplementedError("a task has a run method: write one, or use @app.task on a function")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body here, as a plain function."""
        request = request_of(self)
        if request is not None and request.entering:
            request.entering = False
            return self.run(*args, **kwargs)
        with running(self, Context(args=args, kwargs=kwargs)):
            return self.run(*args, **kwargs)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Called before the body."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Called after the body succeeded."""

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called after the call failed for good."""

    def on_retry(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called after an attempt that is to be tried again."""

    def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called after the call ended, whatever became of it; not after an attempt that is tried again."""
