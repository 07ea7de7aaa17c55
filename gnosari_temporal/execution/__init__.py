"""The Temporal half of the engine: message workflows and consumer activities."""

from .approvals import Answer, wait_for_approval
from .batch import BATCH_WORKFLOW, BatchWorkflow
from .options import SendOptions
from .workflows import consume, run_child, start_child, workflow_for

ENGINE_WORKFLOWS: dict[str, type] = {BATCH_WORKFLOW: BatchWorkflow}
"""Workflows that every worker runs, by workflow type."""

__all__ = [
    "ENGINE_WORKFLOWS",
    "Answer",
    "SendOptions",
    "consume",
    "run_child",
    "start_child",
    "wait_for_approval",
    "workflow_for",
]
