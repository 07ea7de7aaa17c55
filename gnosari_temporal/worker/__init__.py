"""Running consumers and workflows."""

from .application import Application
from .project import load_project
from .worker import GnosariWorker

__all__ = ["Application", "GnosariWorker", "load_project"]
