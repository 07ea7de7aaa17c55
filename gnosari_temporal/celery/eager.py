"""Running calls here: in this process, without a server, as ``apply`` and ``task_always_eager`` do."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from . import states
from .canvas import Signature, _chain, chord, chunks, group, maybe_signature
from .context import Context, current_request
from .eager_result import EagerResult
from .group_result import GroupResult
from .sending import new_id
from .tracing import Attempt, Ended
from .values import decode, encode

if TYPE_CHECKING:
    from .task import Task

T = TypeVar("T")


def run_eagerly(
    task: Task,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    link: Any = None,
    link_error: Any = None,
    task_id: str | None = None,
    retries: int = 0,
    throw: bool | None = None,
    options: Mapping[str, Any] | None = None,
) -> EagerResult:
    """Run a call with its retries, at once, and its callbacks; ``throw`` raises what it fails with."""
    given = dict(options or {})
    id = task_id or new_id()
    ended = _attempts(task, id, list(args), dict(kwargs), retries, given)
    if ended.state == states.FAILURE:
        assert ended.error is not None
        result = EagerResult(id, ended.error, states.FAILURE, ended.trace, name=task.name)
        for errback in _signatures(task, link_error):
            request = Context(id=id, task=task.name, args=args, kwargs=kwargs, called_directly=False)
            errback.apply((request, ended.error, ended.trace))
        if task.owner.conf.task_eager_propagates if throw is None else throw:
            raise ended.error
        return result
    if ended.state == states.IGNORED:
        return EagerResult(id, ended.outcome.meta if ended.outcome else None, _state_of(ended), name=task.name)
    for callback in _signatures(task, link):
        callback.apply((ended.value,))
    return EagerResult(id, ended.value, states.SUCCESS, name=task.name)


def _state_of(ended: Ended) -> str:
    return (ended.outcome.state if ended.outcome else None) or states.IGNORED


def _signatures(task: Task, links: Any) -> list[Signature]:
    found = [] if links is None else links if isinstance(links, list | tuple) else [links]
    return [maybe_signature(item, app=task.app) for item in found]


def _attempts(
    task: Task, id: str, args: list[Any], kwargs: dict[str, Any], retries: int, options: Mapping[str, Any]
) -> Ended:
    parent = current_request()
    while True:
        request = Context(
            id=id,
            task=task.name,
            args=args,
            kwargs=kwargs,
            given=_plain(args, kwargs),
            retries=retries,
            is_eager=True,
            called_directly=False,
            headers=dict(options.get("headers") or {}),
            root_id=options.get("root_id") or (parent.root_id if parent else None) or id,
            parent_id=options.get("parent_id") or (parent.id if parent else None),
            hostname="eager",
            delivery_info={
                "is_eager": True,
                "exchange": options.get("exchange"),
                "routing_key": options.get("queue"),
                "priority": options.get("priority"),
            },
        )
        attempt = Attempt(task, request, args, kwargs)
        ended = run_coroutine(attempt.run_async) if task.is_async else attempt.run()
        if ended.wanted is None:
            return ended
        retries += 1
        args = args if ended.wanted.args is None else decode(ended.wanted.args)
        kwargs = kwargs if ended.wanted.kwargs is None else decode(ended.wanted.kwargs)


def _plain(args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"args": encode(args), "kwargs": encode(kwargs)}
    except ValueError:
        return {}  # what runs here need not be JSON


def run_coroutine(function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end; in a thread of its own where this one runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(function())
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: context.run(asyncio.run, function())).result()


def run_canvas(canvas: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]) -> Any:
    """Run a chain, group or chord here; the result of the last call, with its parents."""
    from .planning import steps_of

    previous: Any = None
    for number, step in enumerate(steps_of(canvas, options)):
        given = (args, kwargs) if number == 0 else ((_value(previous),), {})
        result = _run_step(step, *given, options)
        if previous is not None:
            _first_of(result).parent = previous
        previous = result
        if isinstance(result, EagerResult) and result.state in states.PROPAGATE_STATES:
            return result
    return previous


def _run_step(step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]) -> Any:
    throw = {"throw": options["throw"]} if "throw" in options else {}
    if isinstance(step, group):
        results = [_apply(part, args, kwargs, throw) for part in step.tasks]
        return GroupResult(step.options.get("task_id") or new_id(), results, app=step._app)
    return _apply(step, args, kwargs, throw)


def _apply(part: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]) -> Any:
    if isinstance(part, _chain | chord | group | chunks):
        return run_canvas(part, args, kwargs, options)
    return part.apply(args, kwargs, **options)


def _value(result: Any) -> Any:
    return result.get(disable_sync_subtasks=False)


def _first_of(result: Any) -> Any:
    while result.parent is not None:
        result = result.parent
    return result
