"""The Temporal half of the engine: message workflows and consumer activities."""

from .approvals import Answer, wait_for_approval
from .options import SendOptions
from .workflows import consume, run_child, start_child, workflow_for

__all__ = [
    "Answer",
    "SendOptions",
    "consume",
    "run_child",
    "start_child",
    "wait_for_approval",
    "workflow_for",
]
