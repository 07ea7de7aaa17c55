"""Sending messages and following their jobs."""

from .client import GnosariClient
from .handle import JobHandle
from .status import JobState, JobStatus

__all__ = ["GnosariClient", "JobHandle", "JobState", "JobStatus"]
