"""The diagnosis: what ``gnosari doctor`` finds, as data."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from temporalio.service import RPCError, RPCStatusCode

from ..client import GnosariClient, JobState, JobStatus
from ..client.queues import ACTIVITIES, TaskQueueState
from ..errors import GnosariError, ServerUnreachable
from ..routing import Routing, is_tool_queue, lane_task_queue
from ..settings import DEFAULT_ADDRESS, Settings, unused_variables
from ..worker.project import load_project, project_is_empty
from ..worker.tool_queues import with_tool_queues
from ..worker.worker import default_queues
from . import inspection
from .session import connected

if TYPE_CHECKING:
    from ..worker import Application

_LOOKED_AT = 100
_SHOWN_STUCK = 20
_AT_ONCE = 10
_UNKNOWN_CONSUMER = "UnknownConsumer"
_NOT_SHOWN = {"sources", "environ", "project_dir"}
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or that one should know."""

    text: str
    remedy: str
    is_problem: bool = True
    """False: a warning, which leaves the diagnosis healthy."""


@dataclass(frozen=True)
class SettingValue:
    """A setting in force."""

    name: str
    value: Any
    """As JSON has it; credentials hidden."""
    source: str


@dataclass
class Diagnosis:
    """Everything that was found."""

    address: str
    namespace: str
    project: str
    reachable: bool = False
    server_version: str = ""
    retention: timedelta | None = None
    workflows: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    lanes: dict[str, str] = field(default_factory=dict)
    """Lane to its priorities, ``1-3``."""
    priority_levels: int = 0
    """As the settings say."""
    server_priority_levels: int | None = None
    """As the server behaves; None if it does not say."""
    priority_keys: dict[int, int] = field(default_factory=dict)
    """Priority of a message to the server's key."""
    partitions: int | None = None
    fairness: bool | None = None
    """Whether fairness keys take turns; None: not tried, or not to be told."""
    missing_search_attributes: tuple[str, ...] | None = None
    task_queues: list[TaskQueueState] = field(default_factory=list)
    stuck: list[JobStatus] = field(default_factory=list)
    settings: list[SettingValue] = field(default_factory=list)
    unused_variables: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not any(finding.is_problem for finding in self.findings)

    def problem(self, text: str, remedy: str) -> None:
        """Note what is wrong and what mends it."""
        self.findings.append(Finding(text, remedy))

    def warn(self, text: str, remedy: str) -> None:
        """Note what one should know."""
        self.findings.append(Finding(text, remedy, is_problem=False))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        data = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        plain: dict[str, Any] = json.loads(json.dumps({"healthy": self.healthy, **data}, default=_plain))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    return str(value)


async def diagnose(settings: Settings, from_dotenv: tuple[str, ...] = (), *, probe: bool = False) -> Diagnosis:
    """Look at settings, project and server.

    ``from_dotenv`` names the variables that the project's ``.env`` added. ``probe`` starts, and deletes, four
    workflows to find out whether the server is fair.
    """
    found = Diagnosis(
        address=settings.address,
        namespace=settings.namespace,
        project=str(settings.project_dir),
        settings=[*_connection_values(settings, from_dotenv), *_setting_values(settings, from_dotenv)],
        unused_variables=dict(unused_variables(settings.environ)),
        lanes={lane.name: f"{lane.priorities[0]}-{lane.priorities[1]}" for lane in settings.lanes},
        priority_levels=settings.priority_levels,
        priority_keys={number: Routing.of(settings).priority_key(number) for number in range(1, 11)},
    )
    for name, instead in found.unused_variables.items():
        found.warn(f"{name} is set and has no effect", f"use {instead}, and unset it")
    application = _load(settings, found)
    try:
        client = await connected(settings)
    except ServerUnreachable as error:
        found.problem(f"no Temporal server answers at {found.address}", str(error).partition(": ")[2])
        return found
    found.reachable = True
    found.server_version = await inspection.server_version(client.temporal)
    if await _look_at_namespace(client, found):
        await _look_at_search_attributes(client, found)
        queues = {settings.default_queue: 0}
        if application:
            served = default_queues(settings, application)
            settings, queues = with_tool_queues(settings, served, application.limited_tools)
        await _look_at_priorities(client, settings, next(iter(queues)), found, probe=probe)
        await _look_at_task_queues(client, settings, list(queues), found)
        await _look_for_stuck_jobs(client, list(queues), found)
    return found


def _load(settings: Settings, found: Diagnosis) -> Application | None:
    try:
        application = load_project(settings)
    except GnosariError as error:
        found.problem(f"the project cannot be loaded: {error}", "mend it; `gnosari --debug doctor` shows the trace")
        return None
    registry = application.registry
    found.workflows, found.consumers = tuple(sorted(registry.workflows)), tuple(sorted(registry.consumers))
    if project_is_empty(application):
        found.warn(
            f"no workflows and no consumers in {settings.project_dir}",
            "go to the project's directory, name it with --project, or write one with `gnosari init DIR`",
        )
    return application


async def _look_at_namespace(client: GnosariClient, found: Diagnosis) -> bool:
    try:
        found.retention = await inspection.retention(client.temporal)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            found.problem(
                f"there is no namespace {found.namespace!r}",
                f"set TEMPORAL_NAMESPACE, or `temporal operator namespace create {found.namespace}`",
            )
        else:
            found.problem(f"the namespace {found.namespace!r} cannot be read: {error.message}", "check the credentials")
        return False
    return True


async def _look_at_search_attributes(client: GnosariClient, found: Diagnosis) -> None:
    missing = found.missing_search_attributes = await inspection.missing_search_attributes(client.temporal)
    if missing:
        names = " ".join(f"--name {name} --type Keyword" for name in missing)
        found.warn(
            f"search attributes {', '.join(missing)} are missing: waiting and expired jobs cannot be searched for",
            f"`temporal operator search-attribute create {names}`",
        )


async def _look_at_priorities(
    client: GnosariClient, settings: Settings, queue: str, found: Diagnosis, *, probe: bool
) -> None:
    temporal = client.temporal
    middle = await inspection.default_priority_key(temporal)
    if middle is not None:
        fits = (settings.priority_levels + 1) // 2 == middle
        # The middle one of 9 and of 10 levels is 5: the number of levels itself is nowhere to be read.
        found.server_priority_levels = settings.priority_levels if fits else (10 if middle == 5 else 2 * middle - 1)
        if not fits:
            remedy = f"set GNOSARI_PRIORITY_LEVELS={found.server_priority_levels}"
            if settings.priority_levels > found.server_priority_levels:
                remedy += f", or matching.priorityLevels={settings.priority_levels} on the server"
            found.problem(
                f"the server has {found.server_priority_levels} priority levels, the settings say "
                f"{settings.priority_levels}",
                remedy,
            )
    found.partitions = await inspection.partitions(temporal, queue)
    if found.partitions and found.partitions > 1:
        found.warn(
            f"task queues have {found.partitions} partitions: order between priorities holds inside each alone",
            "set matching.numTaskqueueReadPartitions and numTaskqueueWritePartitions to 1 on the server",
        )
    elif probe:
        found.fairness = await inspection.is_fair(temporal)
        if not found.fairness:
            found.warn("fairness keys have no effect", "set matching.enableFairness to true on the server")


async def _look_at_task_queues(client: GnosariClient, settings: Settings, queues: list[str], found: Diagnosis) -> None:
    for queue in queues:
        lanes = [lane_task_queue(queue, lane) for lane in settings.lanes if not is_tool_queue(queue)]
        states = [
            state
            for state in await inspection.task_queue_states(client.temporal, [queue, *lanes])
            if state.name == queue or state.kind == ACTIVITIES  # workflows run on the queue itself
        ]
        found.task_queues += states
        unserved = [state for state in states if not state.served]
        if len(unserved) == len(states):
            waiting = sum(state.waiting for state in states)
            text = f"no worker polls queue {queue}" + (f", where {waiting} wait" if waiting else "")
            found.problem(text, f"`gnosari worker --queue {queue}`")
        else:
            for state in unserved:
                text = f"no worker takes {state.kind} tasks from task queue {state.name} of queue {queue}"
                found.problem(text, "start its workers with the lanes and consumers of this project")


async def _look_for_stuck_jobs(client: GnosariClient, queues: list[str], found: Diagnosis) -> None:
    running = 'ExecutionStatus = "Running"'
    known = ", ".join(f'"{name}"' for name in found.workflows)
    on_queues = ", ".join(f'"{queue}"' for queue in queues)
    foreign = f"{running} AND TaskQueue IN ({on_queues})" + (f" AND WorkflowType NOT IN ({known})" if known else "")
    ids: dict[str, str] = {}
    for query in (foreign, running):
        async for execution in client.temporal.list_workflows(query, limit=_LOOKED_AT):
            ids[execution.id] = execution.run_id
    turn = asyncio.Semaphore(_AT_ONCE)

    async def status(job_id: str, run_id: str) -> JobStatus:
        async with turn:
            return await client.job(job_id, run_id=run_id).status()

    statuses = await asyncio.gather(*(status(*item) for item in ids.items()))
    found.stuck = [status for status in statuses if _is_stuck(status)]
    for job in found.stuck[:_SHOWN_STUCK]:
        found.problem(f"{job.id} on {job.queue} is stuck: {job.reason}", _remedy_for(job))


def _is_stuck(status: JobStatus) -> bool:
    return status.state is JobState.STUCK or status.reason.startswith(_UNKNOWN_CONSUMER)


def _remedy_for(job: JobStatus) -> str:
    if "not registered on this worker" in job.reason or job.reason.startswith(_UNKNOWN_CONSUMER):
        return "give the worker a project that has it, give the type a queue of its own, or `gnosari job cancel` it"
    return "mend the workflow and start the worker anew: the job goes on"


def _connection_values(settings: Settings, from_dotenv: tuple[str, ...]) -> list[SettingValue]:
    connection = settings.connection()
    shown = {
        "address": ("TEMPORAL_ADDRESS", connection["target_host"], DEFAULT_ADDRESS),
        "namespace": ("TEMPORAL_NAMESPACE", connection["namespace"], "default"),
        "api_key": ("TEMPORAL_API_KEY", "(hidden)" if connection.get("api_key") else None, None),
        "tls": ("TEMPORAL_TLS", "on" if connection.get("tls") else "off", "off"),
    }
    values = []
    for name, (variable, value, default) in shown.items():
        if any(set_one.startswith(variable) for set_one in settings.environ):
            source = _source(variable, from_dotenv)
        else:
            source = "default" if value == default else "Temporal's configuration file"
        values.append(SettingValue(name, value, source))
    return values


def _setting_values(settings: Settings, from_dotenv: tuple[str, ...]) -> list[SettingValue]:
    values = []
    for name, value in _flat(settings.model_dump(mode="json", exclude=_NOT_SHOWN)).items():
        source = settings.sources.get(name) or settings.sources.get(name.partition(".")[0]) or "default"
        shown = _CREDENTIALS.sub("//***@", value) if isinstance(value, str) else value
        values.append(SettingValue(name, shown, _source(source, from_dotenv)))
    return values


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    tools = {f"tools.{name}": value for name, value in values["tools"].items()}
    return {**{name: value for name, value in values.items() if name != "tools"}, **tools}


def _source(source: str, from_dotenv: tuple[str, ...]) -> str:
    return f"{source} in .env" if source in from_dotenv else source
