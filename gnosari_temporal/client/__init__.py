"""Sending messages and following their jobs."""

from .batch import BatchHandle, BatchProgress, BatchStatus
from .client import GnosariClient
from .handle import JobHandle
from .outcomes import Outcome
from .schedules import ScheduledJob, Schedules, ScheduleStatus
from .status import JobState, JobStatus
from .team_tools import TeamTools, ToolDescription
from .timing import Overlap, Timing
from .tool_results import ToolTicket

__all__ = [
    "BatchHandle",
    "BatchProgress",
    "BatchStatus",
    "GnosariClient",
    "JobHandle",
    "JobState",
    "JobStatus",
    "Outcome",
    "Overlap",
    "ScheduleStatus",
    "ScheduledJob",
    "Schedules",
    "TeamTools",
    "Timing",
    "ToolDescription",
    "ToolTicket",
]
