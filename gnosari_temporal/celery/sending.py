"""Sending calls: the message of a call with everything decided, and its way to the server."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..blocking import call
from ..client import GnosariClient
from ..client.starting import Start, start
from ..errors import InvalidMessage, MessageTooLarge, ServerUnreachable
from ..execution.limits import MAX_PAYLOAD_BYTES, check_message
from ..execution.options import JobOptions
from .context import current_request
from .declaring import check_call_options
from .result import AsyncResult
from .routes import our_priority, queue_name, route_of
from .values import encode
from .wire import (
    GROUP_WORKFLOW,
    CallNode,
    GroupNode,
    GroupRun,
    call_job_id,
    group_job_id,
    message_type_for,
)

if TYPE_CHECKING:
    from .application import Celery
    from .task import Task

_PUBLISH_RETRIES = {"max_retries": 3, "interval_start": 0.0, "interval_step": 0.2, "interval_max": 0.2}
_FROM_TASK = ("queue", "priority", "expires", "time_limit", "soft_time_limit", "ignore_result")
_LONGEST_ID = 400


@dataclass(frozen=True)
class Prepared:
    """A call that is ready to be sent."""

    node: CallNode
    eta: datetime | None
    ignored: bool

    @property
    def task_id(self) -> str:
        """The call's id."""
        return self.node.job.partition("/")[2]


@dataclass(frozen=True)
class Place:
    """The place of a call in a canvas."""

    root_id: str | None = None
    parent_id: str | None = None
    group_id: str | None = None


def new_id() -> str:
    """A new task id."""
    return str(uuid.uuid4())


def prepare_call(
    app: Celery,
    name: str,
    args: Iterable[Any],
    kwargs: Mapping[str, Any],
    *,
    task: Task | None = None,
    options: Mapping[str, Any],
    place: Place | None = None,
) -> Prepared:
    """The call of a task by its name, with its options decided.

    A call that has a ``place`` is part of a canvas: its countdown and expiry count from when its turn has come.

    Raises:
        InvalidMessage: an argument or option cannot work.
        NotSupported: an option has no counterpart here.
    """
    check_call_options(name, options)
    conf, now, part = app.conf, datetime.now(UTC), place is not None
    place = place or Place()
    given = {key: value for key, value in options.items() if value is not None}
    declared = {key: getattr(task, key) for key in _FROM_TASK} if task is not None else {}
    chosen = {**{key: value for key, value in declared.items() if value is not None}, **given}
    route = route_of(conf, name, args, kwargs, chosen)
    queue = queue_name(chosen.get("queue")) or queue_name(route.get("queue")) or conf["task_default_queue"]
    priority = chosen.get("priority", route.get("priority"))
    eta, countdown = _start(chosen, conf.zone, now, part=part)
    expires, expires_after = _expiry(chosen.get("expires", route.get("expires")), conf.zone, now, part=part)
    parent = current_request()
    task_id = str(chosen.get("task_id") or new_id())
    if not task_id.isprintable() or len(task_id) > _LONGEST_ID:
        raise InvalidMessage(f"task_id {task_id[:80]!r}: write 1 to {_LONGEST_ID} printable characters")
    ignored = bool(chosen.get("ignore_result", conf["task_ignore_result"]))
    rank = our_priority(conf, priority)
    message = message_type_for(name)(
        message_id=task_id,
        priority=rank,
        args=encode(list(args), "args"),
        kwargs=encode(dict(kwargs), "kwargs"),
        headers=encode(dict(chosen.get("headers") or {}), "headers"),
        root_id=place.root_id or (parent.root_id if parent else None),
        parent_id=place.parent_id or (parent.id if parent else None),
        group_id=place.group_id,
        eta=eta,
        countdown=countdown,
        expires=expires,
        time_limit=_limit("time_limit", given),
        soft_time_limit=_limit("soft_time_limit", given),
        ignore_result=given.get("ignore_result"),
        shadow=chosen.get("shadow"),
        link=_links(app, chosen.get("link")),
        link_error=_links(app, chosen.get("link_error")),
    )
    check_message(message)
    node = CallNode(
        task=name,
        job=call_job_id(task_id),
        message=message.to_dict(),
        options=JobOptions(queue=str(queue), priority=rank, expires=expires, expires_after=expires_after),
        summary=message.job_summary(),
    )
    return Prepared(node, eta, ignored)


def _links(app: Celery, links: Any) -> list[Any]:
    """Callbacks as nodes."""
    from .canvas import Signature, maybe_signature
    from .planning import plan

    found = [] if links is None else links if isinstance(links, list | tuple) else [links]
    signatures = [maybe_signature(item, app=app) for item in found]
    for item in signatures:
        if not isinstance(item, Signature):
            raise InvalidMessage(f"link {item!r} is no signature: write task.s(…)")
    return [plan(app, item.clone()).node for item in signatures]


def _limit(name: str, given: Mapping[str, Any]) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise InvalidMessage(f"{name}={value!r} is no number of seconds above 0")
    return float(value)


def _start(
    options: Mapping[str, Any], zone: Any, now: datetime, *, part: bool
) -> tuple[datetime | None, timedelta | None]:
    eta, countdown = options.get("eta"), options.get("countdown")
    if countdown is not None:
        wait = _duration("countdown", countdown)
        return (None, wait) if part else (now + wait, None)
    if eta is None:
        return None, None
    return _time("eta", eta, zone), None


def _expiry(expires: Any, zone: Any, now: datetime, *, part: bool) -> tuple[datetime | None, timedelta | None]:
    if expires is None:
        return None, None
    if isinstance(expires, int | float | timedelta) and not isinstance(expires, bool):
        wait = _duration("expires", expires)
        return (None, wait) if part else (now + wait, None)
    return _time("expires", expires, zone), None


def _duration(name: str, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return max(value, timedelta(0))
    try:
        return timedelta(seconds=max(0.0, float(value)))
    except (TypeError, ValueError, OverflowError):
        raise InvalidMessage(f"{name}={value!r} is no number of seconds") from None


def _time(name: str, value: Any, zone: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidMessage(f"{name}={value!r} is no time: write 2026-01-31T12:00:00+00:00") from None
    if not isinstance(value, datetime):
        raise InvalidMessage(f"{name}={value!r} is no time")
    return (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(UTC)


def send_call(
    app: Celery,
    name: str,
    args: Iterable[Any],
    kwargs: Mapping[str, Any],
    *,
    task: Task | None = None,
    options: Mapping[str, Any],
) -> AsyncResult:
    """Send a call; returns once the server has it.

    Raises: what ``prepare_call`` raises, ``MessageTooLarge``, ``ServerUnreachable``.
    """
    prepared = prepare_call(app, name, args, kwargs, task=task, options=options)
    send_node(prepared.node, eta=prepared.eta, options=options)
    result = AsyncResult(prepared.task_id, app=app, task_name=name)
    result.ignored = prepared.ignored
    if options.get("add_to_parent", True) is not False:
        note_child(result.id)
    return result


def note_child(task_id: str) -> None:
    """Tell the call that runs here that it sent another."""
    parent = current_request()
    if parent is not None and parent.id is not None:
        parent.children_ids.append(task_id)


def send_node(
    node: CallNode | GroupNode, *, eta: datetime | None = None, options: Mapping[str, Any] | None = None
) -> None:
    """Start the workflow of a call, with what runs before it, or of a group.

    Raises:
        MessageTooLarge: it is over the server's limit.
        ServerUnreachable: nobody answers.
    """
    if isinstance(node, GroupNode):
        given: Any = GroupRun(node=node)
        type, id, summary = GROUP_WORKFLOW, group_job_id(node.id), f"group of {len(node.nodes)}"
        data = given
    else:
        message_type = message_type_for(node.task)
        data = message_type.model_validate({**node.message, "before": node.before, "takes_result": not node.immutable})
        type, id, summary = node.task, node.job, node.summary
    size = len(data.model_dump_json().encode())
    if size > MAX_PAYLOAD_BYTES:
        raise MessageTooLarge(
            f"{id} is {size:,} bytes, the limit is {MAX_PAYLOAD_BYTES:,}: send fewer calls at once, or store the data "
            "elsewhere and send its address"
        )
    delay = eta - datetime.now(UTC) if eta is not None else None

    async def use(client: GnosariClient) -> None:
        await start(
            client,
            Start(
                type=type,
                id=id,
                input=data,
                options=node.options.model_copy(update={"searchable": client.searchable}),
                summary=summary,
                delay=delay if delay is not None and delay > timedelta(0) else None,
            ),
            compare=False,
        )

    _publish(use, options or {})


def _publish(use: Any, options: Mapping[str, Any]) -> None:
    """Send, and again while the server is away, as ``retry`` and ``retry_policy`` of the call say."""
    policy = {**_PUBLISH_RETRIES, **(options.get("retry_policy") or {})}
    retries = policy["max_retries"] if options.get("retry", True) not in (False, None) or "retry" not in options else 0
    tried, wait = 0, float(policy["interval_start"] or 0)
    while True:
        try:
            call(use, repeatable=True, in_event_loop=True)
            return
        except ServerUnreachable:
            if retries is not None and tried >= retries:
                raise
        time.sleep(wait)
        tried += 1
        wait = min(wait + float(policy["interval_step"]), float(policy["interval_max"]))
