"""The example of Gnosari's queue: a message, its consumer, and the consumer as a task."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from ...consumers import BaseConsumer
from ...messages import BaseMessage
from ..app import celery_app
from ..consumer_task import task_of


class ExampleMessage(BaseMessage):
    """Asks for a greeting."""

    user_id: str = Field(min_length=1, description="User who asks")
    action: str = Field(default="greet", description="What to do")
    data: dict[str, Any] = Field(default_factory=dict, description="What it is done with")

    @classmethod
    def create(cls, user_id: str, action: str = "greet", data: dict[str, Any] | None = None) -> Self:
        """Make a message; raises pydantic's ``ValidationError`` if a value cannot be."""
        return cls.from_dict({"user_id": user_id, "action": action, "data": data or {}})


class ExampleConsumer(BaseConsumer[ExampleMessage, dict[str, Any]]):
    """Greets; it declares no policy, so a failure is retried after 2, 4 and 8 seconds."""

    async def process(self, message: ExampleMessage) -> dict[str, Any]:
        """Do what the message asks for; anything but ``greet`` is a ``ValueError``."""
        if message.action != "greet":
            raise ValueError(f"action {message.action!r} is not 'greet'")
        return {"user_id": message.user_id, "greeting": f"Hello, {message.data.get('name', message.user_id)}!"}


process_example_task = task_of(ExampleConsumer, celery_app)
"""The consumer as a task: ``process_example_task.delay(message.to_dict())``."""

__all__ = ["ExampleConsumer", "ExampleMessage", "process_example_task"]
