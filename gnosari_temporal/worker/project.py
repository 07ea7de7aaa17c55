"""The project: the ``workflows`` and ``activities`` folders of a directory, loaded as an application."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from temporalio import workflow

from ..consumers import BaseConsumer
from ..errors import ProjectError
from ..messages import BaseMessage
from ..registry import brings_parts
from ..settings import Settings
from .application import Application


def load_project(settings: Settings) -> Application:
    """Import the project's folders and the modules of the settings, and register what they hold.

    A folder that lists ``WORKFLOWS`` or ``ACTIVITIES`` is taken at its word; of another, all modules are imported
    and searched. ``LIFESPAN`` and ``FACTORY`` of the activities are taken too. What runs tools in async mode is
    always there.

    Raises:
        ProjectError: nothing is there, an import fails, or a folder's name belongs to another package.
        RegistryError: two classes have the same name, or a message type two consumers.
        TeamError: a team file of the settings is wrong.
    """
    directory = settings.project_dir.resolve()
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    application = Application.build(settings)
    for setting in ("workflows_folder", "activities_folder"):
        package = _import_folder(directory, getattr(settings, setting), setting)
        if package is not None:
            _register(application, package, listed=_listed(package))
    for name in settings.modules:
        module = _import(name)
        _register(application, module, listed=_listed(module))
    if settings.teams:
        _add_teams(application, directory, settings)
    if settings.tools.allow or not project_is_empty(application):
        application.add_tools()
    application.check()
    return application


def project_is_empty(application: Application) -> bool:
    """Whether there is nothing to run."""
    return not application.registry.workflows and not application.registry.consumers


def _add_teams(application: Application, directory: Path, settings: Settings) -> None:
    from ..agents.loading import load_team

    for path in settings.teams:
        application.add_team(load_team(directory / path, settings.environ or None, need_start=False).team)


def _import_folder(directory: Path, folder: str, setting: str) -> ModuleType | None:
    path = directory / folder
    if not path.is_dir() and not path.with_suffix(".py").is_file():
        return None
    module = _import(folder)
    origins = [module.__file__] if module.__file__ else list(module.__path__)
    if not any(Path(origin).resolve().is_relative_to(directory) for origin in origins if origin):
        raise ProjectError(
            f"the package {folder!r} was found at {origins[0]}, not in the project directory {directory}: rename "
            f"the folder and set {setting} in gnosari.toml"
        )
    return module


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name or name.startswith(f"{error.name}."):
            raise ProjectError(f"no module {name!r} in the project directory or installed") from error
        raise ProjectError(f"importing {name} failed: {error}") from error
    except Exception as error:
        frame = inspect.trace()[-1]
        raise ProjectError(
            f"importing {name} failed: {type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
        ) from error


def _listed(module: ModuleType) -> bool:
    return hasattr(module, "WORKFLOWS") or hasattr(module, "ACTIVITIES")


def _register(application: Application, module: ModuleType, *, listed: bool) -> None:
    if listed:
        application.add(workflows=getattr(module, "WORKFLOWS", ()), consumers=getattr(module, "ACTIVITIES", ()))
        _register_brought(application, module)
    else:
        for part in _modules_below(module):
            _register_members(application, part)
    application.lifespan = getattr(module, "LIFESPAN", None) or application.lifespan
    application.factory = getattr(module, "FACTORY", None) or application.factory


def _modules_below(module: ModuleType) -> Iterator[ModuleType]:
    yield module
    for info in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}."):
        yield _import(info.name)


def _register_members(application: Application, module: ModuleType) -> None:
    classes = [
        member
        for member in vars(module).values()
        if isinstance(member, type) and member.__module__ == module.__name__ and not inspect.isabstract(member)
    ]
    application.add(
        workflows=[c for c in classes if workflow._Definition.from_class(c) is not None],
        messages=[c for c in classes if issubclass(c, BaseMessage)],
        consumers=[c for c in classes if _is_consumer(c)],
    )
    _register_brought(application, module)


def _register_brought(application: Application, module: ModuleType) -> None:
    """What objects of the module bring: an app or tasks of the Celery-shaped shim, imported ones too."""
    try:
        application.add(consumers=[member for member in list(vars(module).values()) if brings_parts(member)])
    except ImportError as error:
        raise ProjectError(f"importing the tasks of {module.__name__} failed: {error}") from error


def _is_consumer(candidate: type[Any]) -> bool:
    return issubclass(candidate, BaseConsumer) and candidate is not BaseConsumer
