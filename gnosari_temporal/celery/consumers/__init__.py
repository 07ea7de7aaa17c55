"""The consumers of Gnosari's queue, where Gnosari on Celery has them."""

from __future__ import annotations

from ...tools.consumer import ToolExecutionConsumer
from ...tools.messages import ToolExecutionMessage
from .example import ExampleConsumer, ExampleMessage, process_example_task

__all__ = [
    "ExampleConsumer",
    "ExampleMessage",
    "ToolExecutionConsumer",
    "ToolExecutionMessage",
    "process_example_task",
]
