"""The server's limits, checked before the server has to."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from ..errors import DefinitionError, InvalidMessage, MessageTooLarge, ResultTooLarge
from ..messages import BaseMessage, shorten
from ..routing import job_id

MAX_PAYLOAD_BYTES = 2 * 1024 * 1024 - 16 * 1024
"""The server refuses 2 MiB for a payload with what surrounds it."""

MAX_ID_BYTES = 1000
"""The server's limit for the id of a workflow."""

_MAX_HISTORY_RESULTS = 32 * 1024 * 1024
_MAX_TASK_RESULTS = 3 * 1024 * 1024
_MAX_PROGRESS_BYTES = 256 * 1024


def shared_limit(results: int, *, local: bool = False) -> int:
    """Bytes of each of so many results that one history keeps: the server ends one of 50 MB.

    Results of local activities travel in one answer of the worker, which may have 4 MB.
    """
    return min(MAX_PAYLOAD_BYTES, (_MAX_TASK_RESULTS if local else _MAX_HISTORY_RESULTS) // max(results, 1))


def check_message(message: BaseMessage) -> None:
    """Refuse a message that the server would refuse.

    Raises:
        MessageTooLarge: it is over the limit; the error says its size and what to do.
        InvalidMessage: its id is too long for the server.
    """
    id_size = len(job_id(type(message).__name__, message.message_id).encode())
    if id_size > MAX_ID_BYTES:
        raise InvalidMessage(
            f"the job id of {type(message).__name__} {shorten(message.message_id, 40)} is {id_size:,} bytes, the limit "
            f"is {MAX_ID_BYTES:,}: give the message a shorter message_id"
        )
    size = len(message.model_dump_json().encode())
    if size > MAX_PAYLOAD_BYTES:
        raise MessageTooLarge(
            f"{type(message).__name__} {message.message_id} is {size:,} bytes, the limit is "
            f"{MAX_PAYLOAD_BYTES:,}: store the data elsewhere (a file, an object store) and send its address"
        )


def check_result(result: Any, producer: str, limit: int = MAX_PAYLOAD_BYTES) -> Any:
    """Refuse a result that the server would refuse, or that JSON cannot hold; give it back otherwise.

    Raises:
        ResultTooLarge: it is over the limit.
        DefinitionError: JSON cannot hold it.
    """
    size = _size(result, f"{producer} returned")
    if size > limit:
        here = " here (results of a batch, group or chain share a history)" if limit < MAX_PAYLOAD_BYTES else ""
        raise ResultTooLarge(
            f"{producer} returned {size:,} bytes, the limit is {limit:,}{here}: store the data elsewhere "
            "and return its address"
        )
    return result


def check_progress(progress: Any, consumer: str) -> None:
    """Refuse progress that cannot travel to the server: the heartbeats that carry it would stop.

    Raises:
        ResultTooLarge: it is over the limit.
        DefinitionError: JSON cannot hold it.
    """
    size = _size(progress, f"{consumer} gave heartbeat()")
    if size > _MAX_PROGRESS_BYTES:
        raise ResultTooLarge(
            f"{consumer} gave heartbeat() {size:,} bytes, the limit is {_MAX_PROGRESS_BYTES:,}, since they are sent "
            "every second: store the data elsewhere and give its address"
        )


def _size(value: Any, what: str) -> int:
    try:
        return len(to_json(value))
    except (PydanticSerializationError, ValueError) as error:
        raise DefinitionError(
            f"{what} {shorten(repr(value), 80)}, which JSON cannot hold ({error}): "
            "numbers, texts, lists, dicts, dataclasses and pydantic models can be kept"
        ) from None
