"""The payload converter: messages and results as readable JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.exceptions import ApplicationError

from ..messages import FROM_THE_WIRE, BaseMessage, explain


class _JSONConverter(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        if not (isinstance(type_hint, type) and issubclass(type_hint, BaseMessage)):
            return super().from_payload(payload, type_hint)
        try:
            return type_hint.model_validate_json(payload.data, context={FROM_THE_WIRE: True})
        except ValidationError as error:
            # A FailureError fails the job; anything else would retry the workflow task for ever.
            raise ApplicationError(explain(type_hint, error), type="InvalidMessage", non_retryable=True) from None


class _PayloadConverter(CompositePayloadConverter):
    def __init__(self) -> None:
        json_converter = _JSONConverter()
        super().__init__(
            *(
                converter if not isinstance(converter, JSONPlainPayloadConverter) else json_converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


data_converter: DataConverter = dataclasses.replace(DataConverter.default, payload_converter_class=_PayloadConverter)
"""For ``temporalio.client.Client``: pydantic's JSON; a message from the wire may have fields of a newer sender."""
