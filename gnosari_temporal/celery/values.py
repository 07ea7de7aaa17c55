"""Values on their way: JSON, in which dates, UUIDs, decimals and bytes come back as what they were.

The form is that of Celery's own JSON: ``{"__type__": "datetime", "__value__": "…"}``.
"""

from __future__ import annotations

import base64
import json
import math
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from ..errors import InvalidMessage
from ..messages import shorten

_TYPE, _VALUE = "__type__", "__value__"
_HOW = "send JSON: ids in place of objects, `model_dump(mode='json')` in place of instances"

_ENCODERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (datetime, "datetime", datetime.isoformat),
    (date, "date", date.isoformat),
    (time, "time", time.isoformat),
    (Decimal, "decimal", str),
    (uuid.UUID, "uuid", lambda value: {"hex": value.hex}),
)
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": lambda text: datetime.fromisoformat(text).date(),
    "time": time.fromisoformat,
    "decimal": Decimal,
    "uuid": lambda fields: uuid.UUID(hex=fields["hex"]),
    "bytes": lambda text: text.encode(),
    "base64": lambda text: base64.b64decode(text),
    "float": float,
}


def encode(value: Any, what: str = "value") -> Any:
    """The value as plain JSON data.

    Raises:
        InvalidMessage: JSON cannot hold it; the error says where in ``what`` it is.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str | int) and not isinstance(value, Enum):
        return str(value) if isinstance(value, str) else int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _tagged("float", str(value))
    if isinstance(value, Mapping):
        return {_key(key, what): encode(item, f"{what}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item, f"{what}[{number}]") for number, item in enumerate(value)]
    reducer = getattr(value, "__json__", None)
    if callable(reducer):
        return encode(reducer(), what)
    if isinstance(value, str | int):  # an enum of texts or numbers is its value
        return value.value  # type: ignore[union-attr]
    if isinstance(value, bytes):
        try:
            return _tagged("bytes", value.decode())
        except UnicodeDecodeError:
            return _tagged("base64", base64.b64encode(value).decode())
    for kind, tag, to_plain in _ENCODERS:
        if isinstance(value, kind):
            return _tagged(tag, to_plain(value))
    raise InvalidMessage(
        f"{what} is {shorten(repr(value), 80)}, a {type(value).__name__}, which JSON cannot hold: {_HOW}"
    )


def decode(value: Any) -> Any:
    """The value that ``encode`` was given; a tuple is a list now."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_TYPE, _VALUE}:
        restore = _DECODERS.get(value[_TYPE]) if isinstance(value[_TYPE], str) else None
        if restore is not None:
            return restore(value[_VALUE])
    return {key: decode(item) for key, item in value.items()}


def _tagged(kind: str, value: Any) -> dict[str, Any]:
    return {_TYPE: kind, _VALUE: value}


def _key(key: Any, what: str) -> str:
    if isinstance(key, str):
        return str(key)
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(key)
    raise InvalidMessage(f"{what} has the key {shorten(repr(key), 80)}, which JSON cannot hold: {_HOW}")
