"""The input of a consumer activity."""

from __future__ import annotations

import operator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..durations import Duration
from ..retry import RetrySpec
from .limits import MAX_PAYLOAD_BYTES


class ConsumerInput(BaseModel):
    """Input of a consumer activity."""

    model_config = ConfigDict(frozen=True)

    message: Any
    """The message as plain data."""
    call: str = "1"
    """Which call of a consumer in its workflow this is: part of idempotency keys and derived ids."""
    failures: int = Field(default=0, exclude_if=operator.not_)
    """The consumer's failures in earlier activity executions of the same call."""
    lost: int = Field(default=0, exclude_if=operator.not_)
    """Attempts lost with their worker in earlier activity executions of the same call."""
    retry: RetrySpec | None = Field(default=None, exclude_if=operator.not_)
    """The policy in force; None: the message's own ``max_retries``."""
    timeout: Duration | None = Field(default=None, exclude_if=operator.not_)
    """Timeout of one attempt."""
    job: str | None = Field(default=None, exclude_if=operator.not_)
    """Id of the job, where it is not the workflow's."""
    largest_result: int = Field(default=MAX_PAYLOAD_BYTES, exclude_if=MAX_PAYLOAD_BYTES.__eq__)
    """Bytes that the result may have."""
