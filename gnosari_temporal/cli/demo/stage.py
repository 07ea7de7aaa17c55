"""The stage of the demo: a server, the template application and a worker, all for this one run."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.runtime import Runtime

from ...client import GnosariClient
from ...messages import BaseMessage
from ...server import EmbeddedServer, ServerOptions
from ...settings import Settings, point_at_local_server
from ...worker import GnosariWorker, load_project
from ..scaffold import write_project

SLOTS = 2
"""Ordinary slots of the worker on each queue: few, so that a queue forms soon."""


@dataclass(frozen=True)
class Stage:
    """Where the demo plays."""

    server: EmbeddedServer
    client: GnosariClient
    worker: GnosariWorker

    def message_type(self, name: str) -> type[BaseMessage]:
        """A message type of the application."""
        return self.worker.application.registry.message_type(name)


@asynccontextmanager
async def open_stage(runtime: Runtime) -> AsyncIterator[Stage]:
    """Start everything on free ports; all of it is gone afterwards.

    Raises:
        ServerNotInstalled, ServerStartFailed: there is no server to be had.
    """
    with tempfile.TemporaryDirectory(prefix="gnosari-demo-") as directory:
        write_project(Path(directory) / "demo")
        settings = Settings(project_dir=Path(directory) / "demo", concurrency=SLOTS)
        async with EmbeddedServer(ServerOptions(port=0)) as server:
            point_at_local_server(server.address, server.ui_address)
            application = load_project(settings)
            client = await GnosariClient.connect(settings, registry=application.registry, runtime=runtime)
            async with GnosariWorker(client, application) as worker:
                yield Stage(server, client, worker)
