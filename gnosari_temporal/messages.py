"""The message: what is sent, validated and kept."""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from temporalio import workflow

from .errors import InvalidMessage

HIGHEST_PRIORITY = 1
LOWEST_PRIORITY = 10
DEFAULT_PRIORITY = 5

FROM_THE_WIRE = "gnosari_temporal.from_the_wire"
"""Key of the validation context under which a worker reads messages: unknown fields are then no error."""

ENVELOPE = frozenset({"created_at", "priority", "retry_count", "max_retries"})
SUMMARY_LENGTH = 160
"""Characters of a job's summary, at most."""

logger = logging.getLogger(__name__)


def new_id() -> str:
    """A message id: random, and in a workflow the same on every replay."""
    return str(workflow.uuid4() if workflow.in_workflow() else uuid.uuid4())


def _now() -> datetime:
    return workflow.now() if workflow.in_workflow() else datetime.now(UTC)


class BaseMessage(BaseModel):
    """Base class of all messages: subclass it and add fields.

    Fields that a message does not know are refused where it is made, with the closest known name; a worker
    ignores them with a warning, so that senders and workers can be upgraded apart. A subclass that sets ``extra``
    in its own configuration decides for itself. Assignment is validated.
    """

    model_config = ConfigDict(validate_assignment=True)

    default_queue: ClassVar[str | None] = None
    """Queue of this message type where neither the send nor the consumer names one."""

    job_prefix: ClassVar[str | None] = None
    """What the ids of this type's jobs begin with; None: the name of the class."""

    message_id: str = Field(default_factory=new_id, min_length=1, max_length=400)
    """Identity: the same id sent twice is one job."""
    created_at: datetime = Field(default_factory=_now)
    """When it was made; a time without zone is UTC."""
    priority: int = Field(default=DEFAULT_PRIORITY, ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)
    """1 to 10, lower first."""
    retry_count: int = Field(default=0, ge=0)
    """How often the consumer has failed so far; counted by the engine."""
    max_retries: int = Field(default=3, ge=0)
    """Retries after the first attempt, where the consumer declares no policy."""

    @field_validator("created_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)

    @field_validator("message_id")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("a message id has printable characters only")
        return value

    @model_validator(mode="before")
    @classmethod
    def _known_fields_only(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, Mapping) or cls.model_config.get("extra") is not None:
            return data
        accepted = _accepted_names(cls)
        unknown = [name for name in data if name not in accepted]
        if not unknown:
            return data
        if info.context and info.context.get(FROM_THE_WIRE):
            logger.warning("%s: ignored unknown fields %s", cls.__name__, ", ".join(map(repr, unknown)))
            return {name: value for name, value in data.items() if name not in unknown}
        raise ValueError("; ".join(_unknown_field(cls, str(name)) for name in unknown))

    def to_dict(self) -> dict[str, Any]:
        """The message as plain JSON data."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The message from plain data, as ``to_dict`` gives it; a ``created_at`` without zone is UTC.

        Raises:
            pydantic.ValidationError: a field is missing, unknown or of the wrong type.
        """
        return cls.model_validate(dict(data))

    def job_summary(self) -> str:
        """One line in words for the Web UI's list; override it to say it better. Must hold no secret."""
        words = []
        for name, value in self:
            if name in BaseMessage.model_fields or not isinstance(value, str | int | float | bool):
                continue
            text = str(value)
            words.append(f"{name} {text if len(text) <= 40 else text[:37] + '…'}")
        return shorten(", ".join(words) or type(self).__name__, SUMMARY_LENGTH)

    def job_attributes(self) -> dict[str, str]:
        """Search attributes of the job (names from ``routing.SEARCH_ATTRIBUTES``); override it to add some."""
        return {}


@lru_cache(maxsize=1024)
def _accepted_names(message_type: type[BaseMessage]) -> frozenset[str]:
    names: set[str] = set()
    for name, field in message_type.model_fields.items():
        names.add(name)
        if isinstance(field.validation_alias, str):
            names.add(field.validation_alias)
        elif field.validation_alias is not None:
            choices = getattr(field.validation_alias, "choices", [field.validation_alias])
            names.update(c if isinstance(c, str) else str(c.path[0]) for c in choices)
        if field.alias:
            names.add(field.alias)
    return frozenset(names)


def _unknown_field(message_type: type[BaseMessage], name: str) -> str:
    known = sorted(_accepted_names(message_type))
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
    return f"unknown field {name!r}: {hint}"


def shorten(text: str, length: int) -> str:
    """The text on one line, cut to ``length`` characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def parse_message(message_type: type[BaseMessage], data: Mapping[str, Any] | str | bytes) -> BaseMessage:
    """A message from JSON text or plain data.

    Raises:
        InvalidMessage: one line that names every field that is wrong, its value and what is allowed.
    """
    try:
        if isinstance(data, str | bytes):
            return message_type.model_validate_json(data)
        return message_type.model_validate(dict(data))
    except ValidationError as error:
        raise InvalidMessage(explain(message_type, error)) from None


def explain(message_type: type[BaseMessage], error: ValidationError) -> str:
    """The validation error as one line of words."""
    problems = []
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        if not where:
            problems.append(text)
        elif problem["type"] == "missing":
            problems.append(f"{where}: is required")
        else:
            problems.append(f"{where}: {text} (got {shorten(repr(problem['input']), 80)})")
    return f"{message_type.__name__}: " + "; ".join(problems)


def content_digest(message: BaseMessage) -> str:
    """What two sends of one message id must agree on: every field but the envelope (time, priority, retries)."""
    return data_digest(message.to_dict())


def data_digest(data: Mapping[str, Any]) -> str:
    """``content_digest`` of a message that is plain data."""
    content = {name: value for name, value in data.items() if name not in ENVELOPE}
    return digest_of(content)


def digest_of(content: Any) -> str:
    """Digest of plain JSON data, the same for equal data."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
