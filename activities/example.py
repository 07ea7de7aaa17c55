"""The consumer of the example message."""

import math
import statistics
from collections.abc import Callable
from typing import Any

from gnosari_temporal import BaseConsumer
from workflows.example import ExampleMessage

_CALCULATE: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "product": math.prod,
    "mean": statistics.fmean,
    "minimum": min,
    "maximum": max,
}


class ExampleConsumer(BaseConsumer):
    """Greets, calculates or fails; it declares no policy, so a failure is retried after 2, 4 and 8 seconds."""

    async def process(self, message: ExampleMessage) -> dict[str, Any]:
        """Do what the message asks for."""
        if message.action == "greet":
            return {"user_id": message.user_id, "greeting": f"Hello, {message.data.get('name', message.user_id)}!"}
        if message.action == "calculate":
            operation = message.data.get("operation", "sum")
            return {"user_id": message.user_id, operation: _CALCULATE[operation](message.data["numbers"])}
        raise RuntimeError(message.data.get("reason", "asked to fail"))
