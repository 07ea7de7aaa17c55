"""The consumers of the report: three sources of figures, and the publisher."""

import shutil
from importlib.metadata import distributions
from typing import Any

import psutil

from gnosari_temporal import BaseConsumer, RetrySpec, current_job
from workflows.report import (
    DiskFiguresMessage,
    PackageFiguresMessage,
    PublishReportMessage,
    SystemFiguresMessage,
)

from .library import ReportLibrary

_GIB = 1024**3


class SystemFiguresConsumer(BaseConsumer):
    """Looks at processor and memory. ``process`` is plain: it runs in a thread and holds up nothing."""

    def process(self, message: SystemFiguresMessage) -> dict[str, Any]:
        """The figures of this moment."""
        memory = psutil.virtual_memory()
        return {
            "processors": psutil.cpu_count(),
            "processor use": f"{psutil.cpu_percent(interval=0.1):.0f} %",
            "memory": f"{memory.total / _GIB:.1f} GiB",
            "memory free": f"{memory.available / _GIB:.1f} GiB",
        }


class DiskFiguresConsumer(BaseConsumer):
    """Looks at a disk."""

    retry = RetrySpec(maximum_attempts=3, initial_interval=1, non_retryable=(FileNotFoundError,))

    def process(self, message: DiskFiguresMessage) -> dict[str, Any]:
        """Size and room of the disk; a path that is not there fails at once."""
        usage = shutil.disk_usage(message.path)
        return {"size": f"{usage.total / _GIB:.0f} GiB", "free": f"{usage.free / _GIB:.0f} GiB"}


class PackageFiguresConsumer(BaseConsumer):
    """Looks at the Python packages that are installed."""

    def process(self, message: PackageFiguresMessage) -> dict[str, Any]:
        """How many there are, and the version of those that matter here."""
        versions = {found.metadata["Name"].lower(): found.version for found in distributions()}
        shown = [name for name in ("gnosari-temporal", "temporalio", "pydantic") if name in versions]
        return {"installed": len(versions)} | {name: versions[name] for name in shown}


class PublishReportConsumer(BaseConsumer):
    """Puts a report into the library, which comes from the application's lifespan by its name."""

    retry = RetrySpec(maximum_attempts=5, initial_interval=1, backoff_coefficient=2.0, jitter=0.1)

    def __init__(self, library: ReportLibrary) -> None:
        self.library = library

    def process(self, message: PublishReportMessage) -> dict[str, Any]:
        """Its number; an attempt that is repeated publishes nothing twice."""
        number = self.library.publish(current_job().idempotency_key, message.title, message.text)
        return {"number": number, "library": str(self.library.path)}
