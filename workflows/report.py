"""The report: figures from several sources at once, a person's approval, publication.

What a plain queue cannot do: the wait for the person may take a day, costs nothing meanwhile and outlives every
worker; ``gnosari job approve ID`` or ``gnosari job reject ID --reason TEXT`` ends it.
"""

import asyncio
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from gnosari_temporal import Answer, BaseMessage, consume, wait_for_approval, workflow_for
from gnosari_temporal.durations import PositiveDuration, format_duration


class Source(StrEnum):
    """Where figures come from."""

    SYSTEM = "system"
    DISK = "disk"
    PACKAGES = "packages"


class Outcome(StrEnum):
    """What became of a report."""

    PUBLISHED = "published"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


class ReportMessage(BaseMessage):
    """Asks for a report on the worker's machine, published once a person approves."""

    title: str = Field(min_length=1, max_length=200)
    sources: tuple[Source, ...] = Field(default=tuple(Source), min_length=1)
    path: str = Field(default="/", description="Where the disk source looks")
    approval_timeout: PositiveDuration = Field(default=timedelta(days=1), description="How long to wait for a person")

    def job_summary(self) -> str:
        """The report in words."""
        return f"report “{self.title}” on {', '.join(self.sources)}"


class ReportResult(BaseModel):
    """What the job gives back."""

    outcome: Outcome
    text: str
    """The report as Markdown."""
    number: int | None = None
    """Its number in the library, once published."""
    decided_by: str | None = None
    reason: str | None = None


class SystemFiguresMessage(BaseMessage):
    """Asks for figures of the processor and the memory."""


class DiskFiguresMessage(BaseMessage):
    """Asks for the room on the disk that holds a path."""

    path: str = "/"


class PackageFiguresMessage(BaseMessage):
    """Asks for the Python packages that are installed."""


class PublishReportMessage(BaseMessage):
    """Asks for a report to be put into the library."""

    title: str
    text: str

    def job_summary(self) -> str:
        """The publication in words; the text itself would be too long."""
        return f"publish “{self.title}”"


SystemFiguresWorkflow = workflow_for(SystemFiguresMessage)
DiskFiguresWorkflow = workflow_for(DiskFiguresMessage)
PackageFiguresWorkflow = workflow_for(PackageFiguresMessage)
PublishReportWorkflow = workflow_for(PublishReportMessage)


@workflow.defn(name="ReportMessage")
class ReportWorkflow:
    """Gathers, asks, publishes. It runs in Temporal's sandbox, as every workflow of your own does."""

    @workflow.run
    async def run(self, message: ReportMessage) -> ReportResult:
        """The whole report; a rejection or a missing answer is a result too, not a failure."""
        text = self._write(message, await self._gather(message))
        answer = await wait_for_approval(f"Publish “{message.title}”?", timeout=message.approval_timeout)
        if answer is None:
            waited = format_duration(message.approval_timeout)
            return ReportResult(outcome=Outcome.TIMED_OUT, text=text, reason=f"nobody answered within {waited}")
        if not answer.approved:
            return self._result(Outcome.REJECTED, text, answer)
        published = await consume(PublishReportMessage(title=message.title, text=text))
        return self._result(Outcome.PUBLISHED, text, answer, number=published["number"])

    async def _gather(self, message: ReportMessage) -> dict[Source, dict[str, Any]]:
        """The figures of all sources, asked at the same time; a source that fails for good says so in the report."""
        return dict(
            zip(message.sources, await asyncio.gather(*(self._ask(s, message) for s in message.sources)), strict=True)
        )

    async def _ask(self, source: Source, message: ReportMessage) -> dict[str, Any]:
        asks: dict[Source, BaseMessage] = {
            Source.SYSTEM: SystemFiguresMessage(),
            Source.DISK: DiskFiguresMessage(path=message.path),
            Source.PACKAGES: PackageFiguresMessage(),
        }
        try:
            figures: dict[str, Any] = await consume(asks[source])
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return {"not available": str(error.cause)}
        return figures

    @staticmethod
    def _write(message: ReportMessage, gathered: dict[Source, dict[str, Any]]) -> str:
        lines = [f"# {message.title}"]
        for source, figures in gathered.items():
            lines += ["", f"## {source.capitalize()}", ""]
            lines += [f"- {name}: {value}" for name, value in figures.items()]
        return "\n".join(lines) + "\n"

    @staticmethod
    def _result(outcome: Outcome, text: str, answer: Answer, number: int | None = None) -> ReportResult:
        return ReportResult(outcome=outcome, text=text, number=number, decided_by=answer.by, reason=answer.reason)
