"""The signature: a message with the options of its send, and where the result before it goes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
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
    if isinstance(message, BaseMessage):
        if fields is not None:
            raise InvalidMessage("signature() takes fields with a message type only: set them on the message")
        complete = message
    elif isinstance(message, type) and issubclass(message, BaseMessage):
        complete = _incomplete(message, dict(fields or {}), into)
    else:
        raise InvalidMessage(f"signature() takes a message or a message type, not {shorten(repr(message), 80)}")
    if into is not None:
        _check_into(type(complete), into)
    return Signature(complete, given, into)


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
