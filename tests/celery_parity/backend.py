"""What runs the programs: the interface of a backend, and the programs themselves."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

from . import programs

CONFIGURATION: Mapping[str, Any] = {
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "task_acks_late": True,
    "task_track_started": True,
    "task_default_queue": "parity",
    "worker_prefetch_multiplier": 1,
    "timezone": "UTC",
}
"""The app's configuration on every backend; a backend adds where its server is."""


class Backend(Protocol):
    """Something that the programs run on: an app with a worker that serves it.

    ``app`` is the app, with ``CONFIGURATION`` and the tasks of every program (``build_all``). ``celery`` is the package
    that code written for it imports: ``celery`` itself, or ``gnosari_temporal.celery``; its submodules ``exceptions``
    and ``result`` are loaded. ``start`` returns when a worker serves the app's calls, ``stop`` ends all that was
    started.
    """

    name: str
    celery: ModuleType
    app: Any

    def start(self) -> None: ...

    def stop(self) -> None: ...


def load_programs() -> dict[str, Any]:
    """The programs by their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(programs.__path__))
    return {name: importlib.import_module(f"{programs.__name__}.{name}") for name in names}


def build_all(app: Any, celery: ModuleType) -> dict[str, SimpleNamespace]:
    """Declares the tasks of every program on an app; sender and worker both call it."""
    return {name: program.build(app, celery) for name, program in load_programs().items()}


def expected(program: Any, backend: Backend) -> Any:
    """The outcome that a program must have on a backend."""
    return program.EXPECTED if backend.name == "celery" else getattr(program, "HERE", program.EXPECTED)


def run_program(program: Any, tasks: SimpleNamespace, scratch: Path) -> Any:
    """The outcome of one program, in a scratch folder of its own."""
    folder = scratch / program.__name__.rsplit(".", 1)[-1]
    folder.mkdir()
    return program.run(tasks, folder)
