"""The settings: one frozen object, read once, passed down. The only reader of the environment.

A value comes from the first of: the ``GNOSARI_*`` variable, ``gnosari.toml`` of the project directory, the
variable of the Celery version that meant the same, the default. A ``.env`` file of the project directory adds
variables, never over one that is set. Where the server is comes from Temporal's own configuration
(``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``, ``TEMPORAL_API_KEY``, TLS, profiles).
"""

from .environment import (
    CELERY_FALLBACKS,
    ENVIRONMENT,
    PROJECT_VARIABLE,
    apply_dotenv,
    point_at_local_server,
    project_directory,
    unused_variables,
    with_dotenv,
)
from .expansion import expand, expand_tree
from .model import DEFAULT_ADDRESS, DEFAULT_QUEUE, Lane, QueueLimit, Settings, ToolSettings
from .sources import SETTINGS_FILE

__all__ = [
    "CELERY_FALLBACKS",
    "DEFAULT_ADDRESS",
    "DEFAULT_QUEUE",
    "ENVIRONMENT",
    "PROJECT_VARIABLE",
    "SETTINGS_FILE",
    "Lane",
    "QueueLimit",
    "Settings",
    "ToolSettings",
    "apply_dotenv",
    "expand",
    "expand_tree",
    "point_at_local_server",
    "project_directory",
    "unused_variables",
    "with_dotenv",
]
