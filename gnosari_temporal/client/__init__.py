"""Sending messages and following their jobs."""

from .batch import BatchHandle, BatchProgress, BatchStatus
from .client import GnosariClient
from .handle import JobHandle
from .outcomes import Outcome
from .status import JobState, JobStatus

__all__ = [
    "BatchHandle",
    "BatchProgress",
    "BatchStatus",
    "GnosariClient",
    "JobHandle",
    "JobState",
    "JobStatus",
    "Outcome",
]
