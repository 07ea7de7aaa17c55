"""Planning a canvas: signatures become a tree of calls with their ids, and the handle of what it ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import InvalidMessage
from ..execution.options import JobOptions
from .canvas import Signature, _chain, chord, chunks, group
from .consumer_task import ConsumerTask
from .group_result import result_of_node
from .nodes import job_of
from .sending import Place, new_id, note_child, prepare_call, send_node
from .wire import CallNode, GroupNode

if TYPE_CHECKING:
    from .application import Celery

MOST_AT_ONCE = 500
"""Most calls that one workflow of a group starts; a larger group is cut into slices."""
_START = ("countdown", "eta")


@dataclass(frozen=True)
class Plan:
    """What is to be sent."""

    node: CallNode | GroupNode
    start: dict[str, Any] = field(default_factory=dict)
    """When the whole starts: ``countdown`` or ``eta``."""


def send_canvas(canvas: Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """Send a chain, group or chord; returns the handle of what it ends with.

    Raises:
        InvalidMessage: there is nothing to run, or an argument or option cannot work.
        MessageTooLarge, ServerUnreachable: it could not be sent.
    """
    app = canvas.app
    planned = plan(app, canvas, args, kwargs, options)
    send_node(planned.node, eta=_due(app, planned.start), options=options)
    result = result_of_node(planned.node, app=app)
    note_child(job_of(planned.node).partition("/")[2])
    return result


def plan(
    app: Celery,
    canvas: Signature,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """The tree of a signature; ``args`` and ``kwargs`` are for what runs first, ``options`` as on Celery."""
    if isinstance(canvas, chunks):
        canvas = canvas.group()
    chosen = {**canvas.options, **(options or {})}
    start: dict[str, Any] = {}
    if isinstance(canvas, _chain | chord | group):
        start = {name: chosen.pop(name) for name in _START if name in chosen}
    steps = steps_of(canvas, chosen)
    return Plan(_tree(app, steps, args, dict(kwargs or {}), chosen.get("task_id")), start)


def steps_of(canvas: Signature, options: Mapping[str, Any]) -> list[Any]:
    """What runs one after another, plain calls and groups, with the options of the whole handed to them.

    Raises:
        InvalidMessage: there is nothing to run.
    """
    if isinstance(canvas, chunks):
        canvas = canvas.group()
    chosen = {**canvas.options, **options}
    steps = _steps(canvas)
    if not steps:
        raise InvalidMessage("there is nothing to run: the chain has no calls")
    if isinstance(canvas, group):
        return [_with_group_options(steps[0], chosen)]
    return _with_options(canvas, steps, chosen) if isinstance(canvas, _chain | chord) else steps


def _with_options(canvas: Signature, steps: list[Any], options: dict[str, Any]) -> list[Any]:
    """Options of a whole: links go to its end, error links to each of its calls, the others to its first call (a
    chain) or its body (a chord)."""
    copies = [step.clone() for step in steps]
    rest = {key: value for key, value in options.items() if key not in ("link", "link_error", "task_id")}
    for callback in _listed(options.get("link")):
        copies[-1].link(callback)
    for errback in _listed(options.get("link_error")):
        for step in copies if isinstance(canvas, _chain) else copies[-1:]:
            step.link_error(errback)
    if isinstance(canvas, _chain):
        target = copies[0]
        copies[0] = _with_group_options(target, rest) if isinstance(target, group) else target.set(**rest)
    elif isinstance(canvas, chord):
        copies[-1].set(**rest)
    return copies


def _with_group_options(step: group, options: Mapping[str, Any]) -> group:
    rest = {key: value for key, value in options.items() if key not in ("link", "link_error", "task_id")}
    copy = step.clone()
    copy.kwargs["tasks"] = [task.clone().set(**{**rest, **task.options}) for task in step.tasks]
    for callback in _listed(options.get("link")):
        copy.link(callback)
    for errback in _listed(options.get("link_error")):
        copy.link_error(errback)
    if options.get("task_id"):
        copy.options["task_id"] = options["task_id"]
    return copy


def _listed(links: Any) -> list[Any]:
    return [] if links is None else list(links) if isinstance(links, list | tuple) else [links]


def _steps(canvas: Signature) -> list[Any]:
    """What runs one after another: plain calls and groups."""
    if isinstance(canvas, _chain):
        found: list[Any] = []
        for part in canvas.tasks:
            found.extend(_own_steps(part))
        return found
    if isinstance(canvas, chord):
        body = canvas.body
        if body is None:
            raise InvalidMessage("a chord needs a body: chord(header)(body)")
        header = canvas.tasks
        given = canvas.args
        if given:
            header = header.clone()
            header.kwargs["tasks"] = [task.clone(given) for task in header.tasks]
        return [header, *_own_steps(body)]
    if isinstance(canvas, chunks):
        return [canvas.group()]
    return [canvas]


def _own_steps(part: Signature) -> list[Any]:
    """The steps of a part, with the part's own options."""
    steps = _steps(part)
    return _with_options(part, steps, part.options) if isinstance(part, _chain | chord) and part.options else steps


def _tree(
    app: Celery,
    steps: Sequence[Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    task_id: Any = None,
    group_id: str | None = None,
) -> CallNode | GroupNode:
    """A node for the last step, with the others before it."""
    place = Place()
    nodes: list[CallNode | GroupNode] = []
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        given = (args, kwargs) if number == 0 else ((), {})
        chosen = {"task_id": task_id} if last and task_id else {}
        own = replace(place, group_id=group_id if last else None)
        node = _node(app, step, *given, options=chosen, place=own)
        nodes.append(node)
        if isinstance(node, CallNode):
            ended = job_of(node).partition("/")[2]
            place = Place(root_id=place.root_id or ended, parent_id=ended)
    *before, end = nodes
    if before and isinstance(end, CallNode) and end.consumer:
        raise InvalidMessage(f"{end.task}: the message of a consumer cannot end a chain or chord; end it with a task")
    return end.model_copy(update={"before": before}) if before else end


def _node(
    app: Celery,
    step: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    options: Mapping[str, Any],
    place: Place,
) -> CallNode | GroupNode:
    if isinstance(step, group):
        return _group_node(app, step, args, kwargs, options)
    given, named, chosen = step.merged(args, kwargs, options)
    task = step.known_task
    if isinstance(task, ConsumerTask):
        node = task.as_node(given, named, chosen)
    else:
        node = prepare_call(app, step.task, given, named, task=task, options=chosen, place=place).node
    return node.model_copy(update={"immutable": step.immutable})


def _group_node(
    app: Celery, step: group, args: tuple[Any, ...], kwargs: dict[str, Any], chosen: Mapping[str, Any]
) -> GroupNode:
    group_id = str(step.options.get("task_id") or chosen.get("task_id") or new_id())
    members: list[CallNode | GroupNode] = []
    for part in _flat(step):
        steps = _own_steps(part) if isinstance(part, _chain | chord | chunks) else [part]
        members.append(_tree(app, steps, args, kwargs, group_id=group_id))
    first = members[0].options if members else JobOptions(queue=str(app.conf["task_default_queue"]))
    own = JobOptions(queue=first.queue, priority=first.priority)
    node = GroupNode(id=group_id, options=own, nodes=members)
    if len(members) <= MOST_AT_ONCE:
        return node
    slices = [
        GroupNode(id=f"{group_id}.{start // MOST_AT_ONCE}", options=own, nodes=members[start : start + MOST_AT_ONCE])
        for start in range(0, len(members), MOST_AT_ONCE)
    ]
    return node.model_copy(update={"nodes": slices, "sliced": True})


def _flat(step: group) -> list[Signature]:
    """The calls of a group; a group within it is taken apart, as on Celery."""
    found: list[Signature] = []
    for part in step.tasks:
        found.extend(_flat(part) if isinstance(part, group) else [part])
    return found


def _due(app: Celery, start: Mapping[str, Any]) -> datetime | None:
    if start.get("countdown") is not None:
        return datetime.now(UTC) + timedelta(seconds=float(start["countdown"]))
    eta: datetime | None = start.get("eta")
    if eta is None:
        return None
    return eta if eta.tzinfo is not None else eta.replace(tzinfo=app.conf.zone)
