"""The settings: one frozen object, read once, passed down. The only reader of the environment.

A value comes from the first of: the ``GNOSARI_*`` variable, ``gnosari.toml`` of the project directory, the
variable of the Celery version that meant the same, the default. A ``.env`` file of the project directory adds
variables, never over one that is set. Where the server is comes from Temporal's own configuration
(``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``, ``TEMPORAL_API_KEY``, TLS, profiles).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .durations import Duration
from .errors import SettingsError

DEFAULT_ADDRESS = "127.0.0.1:7233"
DEFAULT_QUEUE = "gnosari_queue"
SETTINGS_FILE = "gnosari.toml"
PROJECT_VARIABLE = "GNOSARI_PROJECT"


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
        surroundings = with_dotenv(directory, os.environ if environ is None else environ)
        values, sources = _gather(directory, surroundings)
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


ENVIRONMENT: dict[str, str] = {
    "GNOSARI_WORKFLOWS_FOLDER": "workflows_folder",
    "GNOSARI_ACTIVITIES_FOLDER": "activities_folder",
    "GNOSARI_MODULES": "modules",
    "GNOSARI_TEAMS": "teams",
    "GNOSARI_DEFAULT_QUEUE": "default_queue",
    "GNOSARI_QUEUES": "queues",
    "GNOSARI_CONCURRENCY": "concurrency",
    "GNOSARI_EXPRESS": "express",
    "GNOSARI_PRIORITY_LEVELS": "priority_levels",
    "GNOSARI_STRICT_ORDER": "strict_order",
    "GNOSARI_LOGLEVEL": "loglevel",
    "GNOSARI_GRACE": "grace",
    "GNOSARI_TIME_LIMIT": "time_limit",
    "GNOSARI_SOFT_TIME_LIMIT": "soft_time_limit",
    "GNOSARI_PROCESSES": "processes",
    "GNOSARI_MAX_JOBS_PER_PROCESS": "max_jobs_per_process",
    "GNOSARI_MAX_MEMORY_MB": "max_memory_mb",
    "GNOSARI_UI_ADDRESS": "ui_address",
    "GNOSARI_OPENAI_API": "openai_api",
    "GNOSARI_TOOLS_ALLOW": "tools.allow",
    "GNOSARI_TOOLS_ALLOWED_HOSTS": "tools.allowed_hosts",
}
"""Variable to setting; a list is written with commas."""

CELERY_FALLBACKS: dict[str, str] = {
    "CELERY_WORKER_CONCURRENCY": "concurrency",
    "CELERY_WORKER_QUEUE": "queues",
    "CELERY_WORKER_LOGLEVEL": "loglevel",
    "LOG_LEVEL": "loglevel",
    "CELERY_TASK_TIME_LIMIT": "time_limit",
    "CELERY_TASK_SOFT_TIME_LIMIT": "soft_time_limit",
    "CELERY_WORKER_MAX_TASKS_PER_CHILD": "max_jobs_per_process",
}
"""Variables of the Celery version that still count where ours and ``gnosari.toml`` are silent."""

_USE_INSTEAD = {
    "CELERY_BROKER_URL": "TEMPORAL_ADDRESS",
    "CELERY_RESULT_BACKEND": "TEMPORAL_ADDRESS (results are kept by Temporal)",
    "CELERY_RESULT_EXPIRES": "the retention of the Temporal namespace",
    "CELERY_WORKER_MAX_MEMORY_PER_CHILD": "GNOSARI_MAX_MEMORY_MB (in MB, not in KB)",
    "CELERY_WORKER_PREFETCH_MULTIPLIER": "nothing: a worker takes a job only when it has a free slot",
    "CELERY_TASK_ACKS_LATE": "nothing: a job is never lost with its worker",
}


def unused_variables(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """``CELERY_*`` and ``FLOWER_*`` variables that are set and have no effect, each with what to use."""
    found = []
    for name in sorted(environ):
        if name in CELERY_FALLBACKS or not name.startswith(("CELERY_", "FLOWER_")):
            continue
        default = "the Temporal Web UI" if name.startswith("FLOWER_") else "gnosari.toml or GNOSARI_*"
        found.append((name, _USE_INSTEAD.get(name, default)))
    return found


def with_dotenv(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with what ``.env`` of the directory adds; variables that are set stay.

    Raises:
        SettingsError: the file cannot be read.
    """
    path = directory / ".env"
    try:
        extra = dotenv_values(path) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return {**{k: v for k, v in extra.items() if v is not None}, **environ}


def apply_dotenv(directory: Path) -> tuple[str, ...]:
    """Put what ``.env`` of the directory adds into this process's environment, for tools and consumers.

    Returns the names of the variables that it added.
    """
    added = {name: value for name, value in with_dotenv(directory, os.environ).items() if name not in os.environ}
    os.environ.update(added)
    return tuple(added)


def project_directory(given: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The project's directory: the one that is given, else ``GNOSARI_PROJECT``, else the current one.

    Raises:
        SettingsError: it is not there.
    """
    named = (os.environ if environ is None else environ).get(PROJECT_VARIABLE)
    directory = given or (Path(named) if named else Path.cwd())
    if not directory.is_dir():
        origin = "--project" if given else PROJECT_VARIABLE
        raise SettingsError(f"there is no project directory {str(directory)!r} (from {origin})")
    return directory.resolve()


def point_at_local_server(address: str, ui_address: str | None) -> None:
    """Make a local server without TLS the one of this process's environment, for what sends from within it."""
    for name in [name for name in os.environ if name.startswith(("TEMPORAL_TLS", "TEMPORAL_API_KEY"))]:
        del os.environ[name]
    os.environ.update(TEMPORAL_ADDRESS=address, TEMPORAL_NAMESPACE="default", TEMPORAL_TLS="false")
    if ui_address:
        os.environ["GNOSARI_UI_ADDRESS"] = ui_address


_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<default>[^}]*))?\}")


def expand(
    text: str,
    environ: Mapping[str, str] | None = None,
    *,
    missing: Callable[[str], str] | None = None,
    used: MutableMapping[str, str] | None = None,
) -> str:
    """Resolve ``${VAR}`` and ``${VAR:default}`` in a text.

    ``missing`` gives the value of a variable that is not set and has no default, in place of the error. ``used`` is
    told which variables of the environment went in, with their values.

    Raises:
        SettingsError: a variable without default is not set.
    """
    surroundings = os.environ if environ is None else environ

    def value_of(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name in surroundings:
            if used is not None:
                used[name] = surroundings[name]
            return surroundings[name]
        if default is not None:
            return default
        if missing is not None:
            return missing(name)
        raise SettingsError(f"${{{name}}} is not set: set {name}, or write ${{{name}:default}}")

    return _VARIABLE.sub(value_of, text)


def expand_tree(
    value: Any, environ: Mapping[str, str] | None = None, *, used: MutableMapping[str, str] | None = None
) -> Any:
    """``expand`` on every text of a nested dict or list; keys stay as they are."""
    if isinstance(value, str):
        return expand(value, environ, used=used)
    if isinstance(value, Mapping):
        return {key: expand_tree(item, environ, used=used) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(expand_tree(item, environ, used=used) for item in value)
    return value


def _gather(directory: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for variable, name in reversed(CELERY_FALLBACKS.items()):
        if environ.get(variable):
            values[name] = _split(name, environ[variable])
            sources[name] = variable
    path = directory / SETTINGS_FILE
    for name, value in _read_toml(path).items():
        values[name] = value
        sources[name] = SETTINGS_FILE
    for variable, name in ENVIRONMENT.items():
        if environ.get(variable):
            group, _, inner = name.partition(".")
            value = _split(name, environ[variable])
            values[group] = {**values.get(group, {}), inner: value} if inner else value
            sources[name] = variable
    return values, sources


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: {error}") from error


_LISTS = {"modules", "teams", "queues", "tools.allow", "tools.allowed_hosts"}


def _split(name: str, text: str) -> Any:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if name in _LISTS else text


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
