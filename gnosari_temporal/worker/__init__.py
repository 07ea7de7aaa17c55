"""Running consumers and workflows."""

from .application import Application
from .project import load_project
from .replay import recorded_history, replayer
from .worker import GnosariWorker

__all__ = ["Application", "GnosariWorker", "load_project", "recorded_history", "replayer"]
