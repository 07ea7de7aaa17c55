"""Following a run: the live tree on stderr, text as it is made, and the answer on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from . import output
from .exits import ExitCode
from .tree_view import change_line, depths, tree_lines

if TYPE_CHECKING:
    from rich.live import Live

    from ..client import GnosariClient, JobHandle
    from ..client.tree import TreeNode

_POLL = 0.2
_REFRESH = 8


@dataclass
class RunView:
    """Shows one run."""

    stream: bool = False
    yes: bool = False
    as_json: bool = False
    _asked: set[str] = field(default_factory=set)
    _shown: dict[str, str] = field(default_factory=dict)

    async def follow(self, client: GnosariClient, job: JobHandle[Any], *, hint: str = "") -> int:
        """Show the run until it is over, then its answer.

        Raises:
            JobFailed, JobCancelled: what became of it instead.
        """
        from ..client.tree import JobTree

        changed = asyncio.Event()
        tree = JobTree(client.temporal, job.id, lambda node: self._changed(node, tree.root, live, changed, hint))
        live = self._live(_Picture(tree.root, None if self.yes else hint))
        text = _StreamedText(job) if self.stream and not self.as_json else None
        beside = [asyncio.create_task(self._answer_questions(client, tree.root, changed))]
        if text is not None:
            beside.append(asyncio.create_task(text.follow()))
        with live or contextlib.nullcontext():
            try:
                await tree.follow()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                if live is not None:
                    live.refresh()
        result = await job.result()
        if self.as_json:
            output.result_json({"job": job.id, **result})
        elif text is not None:
            text.finish(tree.root, str(result["answer"]))
        else:
            output.result(str(result["answer"]))
        if result.get("outstanding"):
            going_on = ", ".join(f"{task['name']} ({task['job_id']})" for task in result["outstanding"])
            output.chatter(f"still running: {going_on}")
        return ExitCode.OK

    def _live(self, picture: _Picture) -> Live | None:
        """A picture that is drawn again and again, where there is a terminal that the answer does not stream to."""
        if not sys.stderr.isatty() or self.stream:
            return None
        from rich.console import Console
        from rich.live import Live

        return Live(picture, console=Console(stderr=True), refresh_per_second=_REFRESH)

    def _changed(self, node: TreeNode, root: TreeNode, live: Live | None, changed: asyncio.Event, hint: str) -> None:
        changed.set()
        if live is not None:
            return
        line = change_line(node, depths(root).get(id(node), 1))
        key = f"{node.id} {node.state} {node.detail}"
        if key in self._shown or node.state == "QUEUED" or (node.kind == "model" and node.state == "RUNNING"):
            return
        self._shown[key] = line
        output.chatter(line)
        if node.state == "WAITING" and not self.yes:
            output.chatter(f"          {_how_to_answer(node, hint)}")

    async def _answer_questions(self, client: GnosariClient, root: TreeNode, changed: asyncio.Event) -> None:
        """Approve whatever is asked, if that was said beforehand."""
        from ..errors import JobError

        while self.yes:
            await changed.wait()
            changed.clear()
            for node in [node for node in root.walk() if node.state == "WAITING"]:
                with contextlib.suppress(JobError):
                    await client.job(node.id).approve(by="--yes")


class _StreamedText:
    """The text of the run's own agent on stdout, as far as the model has made it."""

    def __init__(self, job: JobHandle[Any]) -> None:
        self._job = job
        self._printed: dict[str, int] = {}
        self._last = ""

    async def follow(self) -> None:
        """Print what comes; a model call reports its text with its heartbeats."""
        while True:
            description = await self._job.workflow.describe()
            converter = self._job.workflow._client.data_converter
            for pending in description.raw_description.pending_activities:
                if pending.activity_type.name != "ModelCallConsumer" or not pending.HasField("heartbeat_details"):
                    continue
                details = await converter.decode(pending.heartbeat_details.payloads)
                progress = details[0].get("progress") if details and isinstance(details[0], dict) else None
                if isinstance(progress, dict):
                    self._print(f"{self._job.id}#{pending.activity_id}", str(progress.get("text", "")))
            await asyncio.sleep(_POLL)

    def finish(self, root: TreeNode, answer: str) -> None:
        """Print what is left of the answer."""
        models = [node for node in root.children if node.kind == "model" and node.text]
        if models and models[-1].text == answer:
            self._print(models[-1].id, answer)
            click.echo()
        else:
            click.echo(("\n" if self._last else "") + answer)

    def _print(self, step: str, text: str) -> None:
        start = self._printed.get(step, 0)
        if len(text) <= start:
            return
        if self._last and self._last != step:
            click.echo()
        self._last = step
        self._printed[step] = len(text)
        click.echo(text[start:], nl=False)
        sys.stdout.flush()


@dataclass(frozen=True)
class _Picture:
    """The tree as it is when it is drawn."""

    root: TreeNode
    hint: str | None
    """What stands before the command that answers a question; None: nobody has to answer."""

    def __rich__(self) -> Any:
        """The tree, and how to answer what is asked."""
        from rich.text import Text

        lines = tree_lines(self.root, bars=False)
        if self.hint is not None:
            waiting = [node for node in self.root.walk() if node.state == "WAITING"]
            lines += [_how_to_answer(node, self.hint) for node in waiting]
        return Text.from_ansi("\n".join(lines))


def _how_to_answer(node: TreeNode, hint: str) -> str:
    return f"answer with: {hint}gnosari job approve {node.id}   (or: job reject)"
