"""The settings themselves: one frozen object, read once, passed down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..durations import Duration
from ..errors import SettingsError
from .environment import with_dotenv
from .sources import SETTINGS_FILE, gather

DEFAULT_ADDRESS = "127.0.0.1:7233"
DEFAULT_QUEUE = "gnosari_queue"


class Lane(BaseModel):
    """A class of priorities with a task queue and a fixed pool of slots of its own on every worker.

    The task queue is ``<queue>.<name>``; priorities of no lane run on ``<queue>`` itself, the ordinary lane.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    priorities: tuple[int, int]
    """First and last priority of the lane, both included."""
    slots: int | None = Field(default=None, ge=1)
    """Slots of the lane on every worker and queue; None: half of the concurrency, at least one."""

    @field_validator("priorities")
    @classmethod
    def _within_range(cls, value: tuple[int, int]) -> tuple[int, int]:
        first, last = value
        if not 1 <= first <= last <= 10:
            raise ValueError(f"priorities are [first, last] within 1 to 10, first <= last; got {list(value)}")
        return value


class ToolSettings(BaseModel):
    """What the tools of a team may do on this worker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: tuple[str, ...] = ()
    """Modules (``my_tools.search``) or packages (``my_tools.*``) that tool messages may name."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts or networks of this machine or a private network that HTTP tools may reach all the same."""


class QueueLimit(BaseModel):
    """How many jobs a second may start on one queue, over all workers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_second: float | None = Field(default=None, gt=0)
    per_fairness_key: float | None = Field(default=None, gt=0)


class Settings(BaseModel):
    """All settings of a worker, a client or the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_dir: Path = Path()
    """Directory of the project: where ``workflows/``, ``activities/`` and ``gnosari.toml`` stand."""
    workflows_folder: str = "workflows"
    activities_folder: str = "activities"
    modules: tuple[str, ...] = ()
    """Modules to import beside the two folders."""
    teams: tuple[str, ...] = ()
    """Team files whose tools and agents the worker runs."""
    default_queue: str = Field(default=DEFAULT_QUEUE, min_length=1)
    queues: tuple[str, ...] = ()
    """Queues that a worker serves; empty: the default queue and every queue that its consumers declare."""
    concurrency: int = Field(default=10, ge=1)
    """Ordinary slots of a worker for each of its queues."""
    express: int | None = Field(default=None, ge=1)
    """Slots of each lane that sets none of its own; None: half of the concurrency, at least one."""
    lanes: tuple[Lane, ...] = (Lane(name="express", priorities=(1, 3)),)
    priority_levels: int = Field(default=10, ge=1, le=10)
    """Priority levels of the server (``matching.priorityLevels``): 10 on ours, 5 on a stock one."""
    workflow_pollers: int | None = Field(default=None, ge=1, le=100)
    """How many new jobs a worker begins at a time, for each queue; None: one, and more where the server is far away."""
    strict_order: bool = False
    """First come first served within one priority, exactly, for some throughput."""
    routes: dict[str, str] = Field(default_factory=dict)
    """Pattern (``MyMessage``, ``package.module.*``) to queue, for what neither send nor consumer decides."""
    limits: dict[str, QueueLimit] = Field(default_factory=dict)
    loglevel: str = "info"
    grace: Duration = timedelta(seconds=30)
    """How long running jobs may go on after SIGTERM."""
    time_limit: Duration | None = None
    """Timeout of one attempt for consumers that declare none."""
    soft_time_limit: Duration | None = None
    """After it the consumer is cancelled from within; for tasks of the Celery-shaped shim."""
    processes: int = Field(default=1, ge=1)
    max_jobs_per_process: int | None = Field(default=None, ge=1)
    max_memory_mb: int | None = Field(default=None, ge=16)
    ui_address: str | None = None
    """Base address of the Temporal Web UI, for links."""
    openai_api: Literal["auto", "responses", "chat_completions"] = "auto"
    """API that models of OpenAI's protocol are spoken to with; auto: Responses at OpenAI, else Chat Completions."""
    tools: ToolSettings = ToolSettings()
    sources: dict[str, str] = Field(default_factory=dict, repr=False)
    """Where each value that is not a default came from."""
    environ: dict[str, str] = Field(default_factory=dict, repr=False, exclude=True)
    """The environment with ``.env`` added: what the connection is made from."""

    @field_validator("loglevel")
    @classmethod
    def _known_level(cls, value: str) -> str:
        levels = ("debug", "info", "warning", "error", "critical")
        if value.lower() not in levels:
            raise ValueError(f"log level {value!r} is not one of {', '.join(levels)}")
        return value.lower()

    @field_validator("lanes")
    @classmethod
    def _lanes_apart(cls, value: tuple[Lane, ...]) -> tuple[Lane, ...]:
        seen: dict[int, str] = {}
        for lane in value:
            for priority in range(lane.priorities[0], lane.priorities[1] + 1):
                if priority in seen:
                    raise ValueError(f"lanes {seen[priority]!r} and {lane.name!r} both hold priority {priority}")
                seen[priority] = lane.name
        if len({lane.name for lane in value}) < len(value):
            raise ValueError("two lanes have the same name")
        return value

    @classmethod
    def load(
        cls,
        project_dir: Path | str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        **overrides: Any,
    ) -> Settings:
        """Read the settings of a project.

        ``overrides`` (from the command line) win over everything; those that are None are left out.

        Raises:
            SettingsError: a value cannot work, or ``gnosari.toml`` cannot be read.
        """
        directory = Path(project_dir) if project_dir is not None else Path.cwd()
        surroundings = with_dotenv(directory, environ)
        values, sources = gather(directory, surroundings)
        for name, value in overrides.items():
            if value is not None:
                values[name] = value
                sources[name] = "the command line"
        try:
            return cls(project_dir=directory, sources=sources, environ=surroundings, **values)
        except ValidationError as error:
            raise SettingsError("; ".join(_explain(error, sources))) from None

    def connection(self) -> dict[str, Any]:
        """Arguments of ``temporalio.client.Client.connect``, from Temporal's own configuration.

        Raises:
            SettingsError: the profile or a certificate cannot be read.
        """
        return {"target_host": DEFAULT_ADDRESS, "namespace": "default", **self._configured()}

    def _configured(self) -> Mapping[str, Any]:
        from temporalio.envconfig import ClientConfig

        try:
            return ClientConfig.load_client_connect_config(override_env_vars=self.environ or None)
        except (RuntimeError, ValueError, OSError) as error:
            raise SettingsError(f"Temporal's client configuration cannot be read: {error}") from error

    @property
    def address_is_set(self) -> bool:
        """Whether the environment or a profile says where the server is."""
        try:
            return "target_host" in self._configured()
        except SettingsError:
            return True  # what is wrong with it is said when it is used

    @property
    def address(self) -> str:
        """Where the Temporal server is, ``host:port``."""
        return str(self.connection()["target_host"])

    @property
    def namespace(self) -> str:
        """The Temporal namespace."""
        return str(self.connection()["namespace"])


def _explain(error: ValidationError, sources: Mapping[str, str]) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        source = sources.get(name) or sources.get(name.split(".")[0], "")
        if problem["type"] == "extra_forbidden":
            known = ", ".join(sorted(set(Settings.model_fields) - {"sources", "environ", "project_dir"}))
            lines.append(f"{source or SETTINGS_FILE}: unknown setting {name!r}; known are {known}")
        else:
            where = f" (from {source})" if source else ""
            text = problem["msg"].removeprefix("Value error, ")
            lines.append(f"setting {name}{where} is {problem['input']!r}: {text}")
    return lines
