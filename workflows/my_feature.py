"""The message of "my feature", and the helpers that send it."""

from typing import Any, Self

from pydantic import Field, ValidationInfo, field_validator

from gnosari_temporal import BaseMessage, workflow_for
from gnosari_temporal.blocking import send


class MyFeatureMessage(BaseMessage):
    """Message for my feature processing."""

    default_queue = "my_feature_queue"

    user_id: str = Field(description="User ID who triggered this task")
    task_type: str = Field(description="Type of task to perform")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Task parameters")

    @field_validator("task_type")
    @classmethod
    def validate_task_type(cls, v: str) -> str:
        """Only the tasks that the consumer knows."""
        allowed_types = ["process", "analyze", "generate"]
        if v not in allowed_types:
            raise ValueError(f"task_type must be one of {allowed_types}")
        return v

    @field_validator("parameters")
    @classmethod
    def validate_parameters(cls, v: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """A process task needs its input."""
        if info.data.get("task_type") == "process" and "input_data" not in v:
            raise ValueError("input_data required for process tasks")
        return v

    @classmethod
    def create(cls, user_id: str, task_type: str, parameters: dict[str, Any] | None = None) -> Self:
        """Create a new message instance."""
        return cls(user_id=user_id, task_type=task_type, parameters=parameters or {})


MyFeatureWorkflow = workflow_for(MyFeatureMessage)


def send_my_feature_message(user_id: str, task_type: str, parameters: dict[str, Any] | None = None) -> str:
    """Send a my feature message to the queue; returns its message id."""
    message = MyFeatureMessage.create(user_id, task_type, parameters)
    send(message)
    return message.message_id


def send_my_feature_message_priority(
    user_id: str, task_type: str, parameters: dict[str, Any] | None = None, priority: int = 5
) -> str:
    """Send a priority my feature message to the queue; returns its message id."""
    message = MyFeatureMessage.create(user_id, task_type, parameters)
    message.priority = priority
    send(message)
    return message.message_id
