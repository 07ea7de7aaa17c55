"""The signature: a message with the options of its send; groups and chains of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..errors import InvalidMessage
from ..messages import BaseMessage, explain, shorten
from .options import SendOptions, options_from


@dataclass(frozen=True)
class Signature:
    """A message that is to be sent as part of a batch, group, chain or chord; make one with ``signature``."""

    message: BaseMessage
    """It may lack the field that ``into`` names."""
    options: SendOptions
    into: str | None = None
    """Field of the message that gets the result of what ran before; None: it gets none."""


def signature(
    message: BaseMessage | type[BaseMessage],
    fields: Mapping[str, Any] | None = None,
    *,
    into: str | None = None,
    options: SendOptions | None = None,
    **overrides: Any,
) -> Signature:
    """A message with options of its own, for ``send_many``, ``group``, ``chain`` and ``chord``.

    Args:
        message: The message; or its type, with the ``fields`` of it, where the field that ``into`` names is not known
            yet.
        fields: The fields of a message that is given by its type.
        into: Field that gets the result of what ran before, in a chain or as the callback of a chord.
        options: Overrides of the send as one object; or give its fields as keywords, as in ``GnosariClient.send``.

    Raises:
        InvalidMessage: a field is unknown, wrong or missing; ``into`` names none.
    """
    given = options_from(options, overrides)
    message_type = message if isinstance(message, type) else type(message)
    if into is not None and issubclass(message_type, BaseMessage):
        _check_into(message_type, into)
    if isinstance(message, BaseMessage):
        if fields is not None:
            raise InvalidMessage("signature() takes fields with a message type only: set them on the message")
        complete = message
    elif isinstance(message, type) and issubclass(message, BaseMessage):
        complete = _incomplete(message, dict(fields or {}), into)
    else:
        raise InvalidMessage(f"signature() takes a message or a message type, not {shorten(repr(message), 80)}")
    return Signature(complete, given, into)


@dataclass(frozen=True)
class Group:
    """Parts that run side by side; make one with ``group``."""

    parts: tuple[Part, ...]
    keep_failures: bool = False


@dataclass(frozen=True)
class Chain:
    """Parts that run one after another; make one with ``chain`` or ``chord``."""

    parts: tuple[Part, ...]


Part = Signature | Group | Chain
"""A part of a tree."""


def group(*parts: BaseMessage | Part | Iterable[BaseMessage | Part], keep_failures: bool = False) -> Group:
    """Parts that run side by side. The result is the list of theirs, in order.

    A part that fails fails the group, once all are over; with ``keep_failures`` it leaves
    ``{"error": {"type": …, "message": …}}`` in the list instead.
    """
    return Group(_parts(parts), keep_failures)


def chain(*parts: BaseMessage | Part | Iterable[BaseMessage | Part]) -> Chain:
    """Parts that run one after another; the first that fails ends it. The result is that of the last.

    Every part is given the result of the one before: a message takes it into the field that the ``into`` of its
    signature names, or not at all; a group hands it to each of its parts.
    """
    return Chain(_parts(parts))


def chord(
    header: Iterable[BaseMessage | Part] | Group, callback: BaseMessage | Part, *, into: str | None = None
) -> Chain:
    """A group, and a callback that runs once all of it succeeded; the result is that of the callback.

    ``into`` names the field of the callback's message that gets the list of results.
    """
    if into is not None and isinstance(callback, BaseMessage):
        callback = signature(callback, into=into)
    elif into is not None:
        raise InvalidMessage("chord() takes into with a message only: set it on the signature")
    return Chain((header if isinstance(header, Group) else group(header), as_part(callback)))


def as_part(item: BaseMessage | Part) -> Part:
    """The part itself, or the signature of a bare message."""
    return item if isinstance(item, Signature | Group | Chain) else signature(item)


def _parts(items: Iterable[Any]) -> tuple[Part, ...]:
    found: list[Part] = []
    for item in items:
        # A message is iterable too: over its fields.
        if isinstance(item, Iterable) and not isinstance(item, BaseMessage):
            found.extend(as_part(inner) for inner in item)
        else:
            found.append(as_part(item))
    return tuple(found)


def as_signature(item: BaseMessage | Signature) -> Signature:
    """The item, or the signature of a bare message."""
    return item if isinstance(item, Signature) else signature(item)


def _incomplete(message_type: type[BaseMessage], fields: dict[str, Any], into: str | None) -> BaseMessage:
    """The message without the field that comes later; what is there is checked."""
    try:
        return message_type.model_validate(fields)
    except ValidationError as error:
        later = [problem for problem in error.errors() if problem["loc"] == (into,) and problem["type"] == "missing"]
        if len(later) < error.error_count():
            raise InvalidMessage(explain(message_type, error)) from None
    return message_type.model_construct(None, **fields)


def _check_into(message_type: type[BaseMessage], into: str) -> None:
    if into in message_type.model_fields:
        return
    close = difflib.get_close_matches(into, message_type.model_fields, n=1)
    own = [name for name in message_type.model_fields if name not in BaseMessage.model_fields]
    hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(own) or 'none of its own'}"
    raise InvalidMessage(f"into={into!r} is no field of {message_type.__name__}: {hint}")
