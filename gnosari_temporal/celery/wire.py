"""What travels: the message of a task call, and trees of calls (chains, groups, callbacks) as plain data."""

from __future__ import annotations

import operator
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from ..durations import Duration
from ..execution.options import JobOptions
from ..messages import SUMMARY_LENGTH, BaseMessage, shorten

CALL_PREFIX = "task/"
GROUP_PREFIX = "group/"
GROUP_WORKFLOW = "celery.group"
MEMO_CALL = "gnosari_call"
REVOKE_SIGNAL = "gnosari_revoke"
FORGET_SIGNAL = "gnosari_forget"


def call_job_id(task_id: str) -> str:
    """The workflow id of a call: by the task id alone, so that ``AsyncResult(id)`` finds it."""
    return CALL_PREFIX + task_id


def group_job_id(group_id: str) -> str:
    """The workflow id of a group."""
    return GROUP_PREFIX + group_id


class Failed(BaseModel):  # type: ignore[no-redef]  # a field named kwargs
    """The failure of a call, as another one is told of it."""

    model_config = ConfigDict(frozen=True)

    task_id: str = ""
    task: str = ""
    args: list[Any] = Field(default_factory=list, exclude_if=operator.not_)
    kwargs: dict[str, Any] = Field(default_factory=dict, exclude_if=operator.not_)
    type: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)


class CallNode(BaseModel):
    """One call in a tree."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["call"] = "call"
    task: str
    """Its workflow type: the task's name."""
    job: str
    """Its workflow id."""
    message: dict[str, Any]
    options: JobOptions
    summary: str = ""
    immutable: bool = Field(default=False, exclude_if=operator.not_)
    """Takes no result of what ran before."""
    consumer: bool = Field(default=False, exclude_if=operator.not_)
    """It is the message of a consumer, not the call of a task."""
    before: list[Node] = Field(default_factory=list, exclude_if=operator.not_)
    """What runs first, one after another."""


class GroupNode(BaseModel):
    """Parts that run side by side."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["group"] = "group"
    id: str
    options: JobOptions
    nodes: list[Node]
    before: list[Node] = Field(default_factory=list, exclude_if=operator.not_)
    sliced: bool = Field(default=False, exclude_if=operator.not_)
    """The parts are slices of one group: their lists are joined."""
    part: bool = Field(default=False, exclude_if=operator.not_)
    """It is such a slice."""


Node = Annotated[CallNode | GroupNode, Field(discriminator="kind")]

CallNode.model_rebuild()
GroupNode.model_rebuild()


class GroupRun(BaseModel):
    """Input of the group workflow."""

    model_config = ConfigDict(frozen=True)

    node: GroupNode
    collect: bool = Field(default=False, exclude_if=operator.not_)
    """Wait for the parts and return their results; else they are started only."""
    upstream: Failed | None = Field(default=None, exclude_if=operator.not_)
    """What ran before has failed: the parts fail, too, without running."""


class TaskMessage(BaseMessage):  # type: ignore[no-redef]  # a field named kwargs
    """A call of a task; every task has a subclass, whose name is the task's. Its ``message_id`` is the task id."""

    args: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    headers: dict[str, Any] = Field(default_factory=dict, exclude_if=operator.not_)
    root_id: str | None = Field(default=None, exclude_if=operator.not_)
    parent_id: str | None = Field(default=None, exclude_if=operator.not_)
    group_id: str | None = Field(default=None, exclude_if=operator.not_)
    eta: datetime | None = Field(default=None, exclude_if=operator.not_)
    """It starts no earlier."""
    countdown: Duration | None = Field(default=None, exclude_if=operator.not_)
    """It starts so long after its turn has come, in a chain."""
    expires: datetime | None = Field(default=None, exclude_if=operator.not_)
    """For ``self.request``; what counts is in the job's options."""
    time_limit: float | None = Field(default=None, exclude_if=operator.not_)
    soft_time_limit: float | None = Field(default=None, exclude_if=operator.not_)
    ignore_result: bool | None = Field(default=None, exclude_if=lambda value: value is None)
    shadow: str | None = Field(default=None, exclude_if=operator.not_)
    needed: bool = Field(default=False, exclude_if=operator.not_)
    """Another call waits for its value: it is the result also of a task that ignores it."""
    tried: int = Field(default=0, exclude_if=operator.not_)
    """Attempts of earlier runs of its workflow."""
    before: list[Node] = Field(default_factory=list, exclude_if=operator.not_)
    """What runs first, one after another; the result of the last is the first argument."""
    takes_result: bool = Field(default=True, exclude_if=bool)
    """Whether the result of ``before`` is an argument."""
    link: list[Node] = Field(default_factory=list, exclude_if=operator.not_)
    """Called with the result."""
    link_error: list[Node] = Field(default_factory=list, exclude_if=operator.not_)
    """Called with the failure."""
    upstream: Failed | None = Field(default=None, exclude_if=operator.not_)
    """What ran before has failed: this fails, too, without running."""
    error: Failed | None = Field(default=None, exclude_if=operator.not_)
    """The failure that this is the callback of."""

    job_prefix = CALL_PREFIX.rstrip("/")
    task_name: ClassVar[str] = ""

    def job_summary(self) -> str:
        """The call in words."""
        if self.shadow:
            return shorten(self.shadow, SUMMARY_LENGTH)
        words = [_shown(value) for value in self.args]
        words += [f"{name}={_shown(value)}" for name, value in self.kwargs.items()]
        return shorten(f"{self.task_name.rpartition('.')[2]}({', '.join(words)})", SUMMARY_LENGTH)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"


_message_types: dict[str, type[TaskMessage]] = {}


def message_type_for(task: str) -> type[TaskMessage]:
    """The message type of a task's name, the same one each time; a sender need not know the task itself."""
    found = _message_types.get(task)
    if found is None:
        made = create_model(task, __base__=TaskMessage, __module__=__name__, __doc__=f"A call of {task}.")
        made.task_name = task
        found = _message_types.setdefault(task, made)
    return found


class NextTry(BaseModel):  # type: ignore[no-redef]  # a field named kwargs
    """What an attempt asks for that is to be tried again."""

    model_config = ConfigDict(frozen=True)

    delay: Duration
    args: list[Any] | None = None
    """None: those of this attempt."""
    kwargs: dict[str, Any] | None = None
    reason: dict[str, Any] | None = None
    """The exception that is the reason."""


class Outcome(BaseModel):
    """What an attempt that did not fail gives to its workflow."""

    model_config = ConfigDict(frozen=True)

    value: Any = None
    state: str | None = Field(default=None, exclude_if=operator.not_)
    """The state that it leaves the call in, where that is not SUCCESS."""
    meta: Any = Field(default=None, exclude_if=operator.not_)
    children: list[str] = Field(default_factory=list, exclude_if=operator.not_)
    """Ids of the calls that it sent."""
    ignored: bool = Field(default=False, exclude_if=operator.not_)
    """It ended by ``Ignore``."""
    unkept: bool = Field(default=False, exclude_if=operator.not_)
    """The value is for callbacks and what comes after in a chain; it is no result (``ignore_result``)."""


class CallRecord(BaseModel):
    """What a call leaves in its memo beside the result."""

    model_config = ConfigDict(frozen=True)

    state: str | None = Field(default=None, exclude_if=operator.not_)
    meta: Any = Field(default=None, exclude_if=operator.not_)
    children: list[str] = Field(default_factory=list, exclude_if=operator.not_)
    forgotten: bool = Field(default=False, exclude_if=operator.not_)
