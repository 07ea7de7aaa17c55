"""The Temporal half of the engine: message workflows and consumer activities."""

from .approvals import Answer, wait_for_approval
from .batch import BATCH_WORKFLOW, BatchWorkflow
from .canvas import CANVAS_WORKFLOW, CanvasWorkflow
from .options import SendOptions
from .signatures import Chain, Group, Signature, chain, chord, group, signature
from .workflows import consume, run_child, start_child, workflow_for

ENGINE_WORKFLOWS: dict[str, type] = {BATCH_WORKFLOW: BatchWorkflow, CANVAS_WORKFLOW: CanvasWorkflow}
"""Workflows that every worker runs, by workflow type."""

__all__ = [
    "ENGINE_WORKFLOWS",
    "Answer",
    "Chain",
    "Group",
    "SendOptions",
    "Signature",
    "chain",
    "chord",
    "consume",
    "group",
    "run_child",
    "signature",
    "start_child",
    "wait_for_approval",
    "workflow_for",
]
