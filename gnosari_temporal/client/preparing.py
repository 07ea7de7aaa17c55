"""Preparing members: messages of a batch or canvas, checked, with their options decided."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from ..errors import InvalidMessage
from ..execution.limits import check_message
from ..execution.options import JobOptions, SendOptions, resolve_options
from ..execution.signatures import Signature
from ..messages import ENVELOPE, BaseMessage, explain, shorten
from ..registry import Registry
from ..routing import Routing

RANDOM_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""A random UUID: an id that says nothing of the content."""


def snapshot(message: BaseMessage, message_id: str | None = None) -> BaseMessage:
    """A copy of the message, validated again: what was put into a list or dict of it by mutation counts too.

    Raises:
        InvalidMessage: it is no message, or not valid (any more).
    """
    if not isinstance(message, BaseMessage):
        raise InvalidMessage(f"send() takes a message, a subclass of BaseMessage; got {shorten(repr(message), 80)}")
    data = message.model_dump(warnings=False)
    if message_id is not None:
        data["message_id"] = message_id
    try:
        return type(message).model_validate(data, by_name=True, by_alias=True)
    except ValidationError as error:
        raise InvalidMessage(explain(type(message), error)) from None


class Prepared(NamedTuple):
    """A message that is ready to be part of something."""

    type: str
    data: dict[str, Any]
    summary: str
    options: JobOptions
    start: datetime | None
    content: str
    """The content in canonical form, without the envelope and without an id that is random."""

    @property
    def message_id(self) -> str:
        """The id of the message."""
        return str(self.data["message_id"])


class Preparer:
    """Prepares the messages of one call of the client: one time is now for all of them."""

    def __init__(
        self,
        options: SendOptions,
        routing: Routing,
        *,
        registry: Registry | None,
        searchable: bool,
        fairness_key: str | None = None,
    ) -> None:
        """``options`` hold for every message unless its signature says otherwise; ``fairness_key`` is the default."""
        self.now = datetime.now(UTC)
        self.options = options
        self._routing = routing
        self._registry = registry
        self._searchable = searchable
        self._fairness_key = fairness_key
        self._resolved: dict[Any, JobOptions] = {}

    def prepare(self, item: Signature) -> Prepared:
        """Check a message and decide its options.

        Raises:
            InvalidMessage, MessageTooLarge: it cannot be sent.
        """
        message = item.message
        if item.into is None:
            message = snapshot(message)
            check_message(message)
        own = item.options if item.options.model_fields_set else None
        data = message.to_dict()
        return Prepared(
            type=type(message).__name__,
            data=data,
            summary=_summary(message),
            options=self._resolve(message, self._merged(own) if own else self.options),
            start=self._start(own),
            content=_content(type(message).__name__, data),
        )

    def defaults(self, queue: str | None = None) -> JobOptions:
        """Options of something that holds messages."""
        return JobOptions(
            queue=queue or self.options.queue or self._routing.default_queue,
            priority=self.options.priority or JobOptions.model_fields["priority"].default,
            fairness_key=self.options.fairness_key or self._fairness_key,
            fairness_weight=self.options.fairness_weight,
            searchable=self._searchable,
        )

    def _merged(self, own: SendOptions) -> SendOptions:
        base = self.options.model_dump(exclude_unset=True)
        if own.delay is not None or own.at is not None:
            base.pop("delay", None)
            base.pop("at", None)
        return SendOptions.model_validate({**base, **own.model_dump(exclude_unset=True)})

    def _start(self, own: SendOptions | None) -> datetime | None:
        delay = own.start_delay(self.now) if own else None
        return self.now + delay if delay else None

    def _resolve(self, message: BaseMessage, options: SendOptions) -> JobOptions:
        key = (type(message), message.priority, options)
        found = self._resolved.get(key)
        if found is None:
            declared = self._registry.declared_queue(type(message)) if self._registry else None
            found = resolve_options(
                message,
                options,
                self._routing,
                declared_queue=declared,
                searchable=self._searchable,
                now=self.now,
                with_digest=False,
            )
            if found.fairness_key is None and self._fairness_key is not None:
                found = found.model_copy(update={"fairness_key": self._fairness_key})
            if len(self._resolved) < _MOST_KEPT:
                self._resolved[key] = found
        return found


_MOST_KEPT = 1000


def _content(message_type: str, data: dict[str, Any]) -> str:
    skipped = ENVELOPE | {"message_id"} if RANDOM_ID.fullmatch(str(data["message_id"])) else ENVELOPE
    content = {name: value for name, value in data.items() if name not in skipped}
    return json.dumps([message_type, content], sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _summary(message: BaseMessage) -> str:
    try:
        return message.job_summary()
    except AttributeError:
        return type(message).__name__  # a field comes later
