"""The environment of a project: its variables, its ``.env`` file, its directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from ..errors import SettingsError

PROJECT_VARIABLE = "GNOSARI_PROJECT"

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
    "GNOSARI_WORKFLOW_POLLERS": "workflow_pollers",
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


def with_dotenv(directory: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment, by default this process's, with what ``.env`` of the directory adds; what is set stays.

    Raises:
        SettingsError: the file cannot be read.
    """
    path = directory / ".env"
    try:
        extra = dotenv_values(path) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return {**{k: v for k, v in extra.items() if v is not None}, **(os.environ if environ is None else environ)}


def apply_dotenv(directory: Path) -> tuple[str, ...]:
    """Put what ``.env`` of the directory adds into this process's environment, for tools and consumers.

    Returns the names of the variables that it added.
    """
    added = {name: value for name, value in with_dotenv(directory).items() if name not in os.environ}
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
