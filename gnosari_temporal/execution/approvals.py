"""The approval: a workflow that waits durably for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import workflow

from ..routing import STATE, WAITING
from .options import MEMO_WAITING
from .search import keyword
from .workflows import job_options

ANSWER_SIGNAL = "gnosari_answer"
_TABLE = "_gnosari_approvals"
_ANY = ""


class Answer(BaseModel):
    """What a person said; input of the answer signal."""

    model_config = ConfigDict(frozen=True)

    approved: bool
    reason: str | None = None
    by: str | None = None
    """Who answered."""
    key: str = _ANY
    """Which question is answered; empty: every open one."""


class OpenQuestion(BaseModel):
    """A question that waits for an answer; kept in the job's memo."""

    model_config = ConfigDict(frozen=True)

    key: str
    question: str
    asked_at: datetime
    until: datetime | None = None


class _Approvals:
    """The questions of one workflow and the answers that came, in the order they came."""

    def __init__(self) -> None:
        self.open: dict[str, OpenQuestion] = {}
        self.answers: dict[str, Answer] = {}
        self.early: list[Answer] = []

    def receive(self, answer: Answer) -> None:
        keys = [answer.key] if answer.key else list(self.open)
        taken = [key for key in keys if key in self.open and key not in self.answers]
        for key in taken:
            self.answers[key] = answer
        if not taken and answer.key:
            self.early.append(answer)

    def ask(self, question: OpenQuestion) -> None:
        self.open[question.key] = question
        for answer in self.early:
            if answer.key == question.key:
                self.answers.setdefault(question.key, answer)
        self._publish()

    def close(self, key: str) -> Answer | None:
        self.open.pop(key, None)
        self._publish()
        return self.answers.pop(key, None)

    def _publish(self) -> None:
        """Show the open questions to clients: in the memo, the search attribute and the Web UI's details."""
        questions = [question.model_dump(mode="json") for question in self.open.values()]
        workflow.upsert_memo({MEMO_WAITING: questions})
        if job_options().searchable:
            key = keyword(STATE)
            workflow.upsert_search_attributes([key.value_set(WAITING) if questions else key.value_unset()])
        lines = [f"- **{q.key}**: {q.question}" for q in self.open.values()]
        heading = "Waiting for a person (`gnosari job approve|reject`):\n\n"
        workflow.set_current_details(heading + "\n".join(lines) if lines else "")


def _approvals() -> _Approvals:
    instance = workflow.instance()
    table: _Approvals | None = getattr(instance, _TABLE, None)
    if table is None:
        table = _Approvals()
        setattr(instance, _TABLE, table)
        receive: Callable[[Answer], None] = table.receive

        async def on_answer(answer: Answer) -> None:
            receive(answer)

        workflow.set_signal_handler(ANSWER_SIGNAL, on_answer)
    return table


async def wait_for_approval(
    question: str, *, key: str = "approval", timeout: timedelta | float | None = None
) -> Answer | None:
    """Wait in a workflow until a person approves or rejects, over restarts of everything.

    The question is shown by ``gnosari job list --status waiting``, ``job show`` and the Web UI, and is answered by
    ``gnosari job approve|reject`` or ``JobHandle.approve``. Several questions may be open under different keys.

    Returns:
        The answer, or None if the ``timeout`` (seconds as a number) passed first.
    """
    limit = timedelta(seconds=timeout) if isinstance(timeout, int | float) else timeout
    approvals = _approvals()
    now = workflow.now()
    approvals.ask(OpenQuestion(key=key, question=question, asked_at=now, until=now + limit if limit else None))
    try:
        await workflow.wait_condition(lambda: key in approvals.answers, timeout=limit)
    except TimeoutError:
        return approvals.close(key)
    except asyncio.CancelledError:
        approvals.close(key)
        raise
    # No `finally`: it would also run, outside the workflow, when a worker that ends drops the waiting coroutine.
    return approvals.close(key)
