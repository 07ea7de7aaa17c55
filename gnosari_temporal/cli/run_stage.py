"""Where a run plays: on a server and worker of its own, or on those that are there."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from . import logs, output
from .exits import ExitCode
from .run_follow import RunView
from .session import connected

if TYPE_CHECKING:
    from ..agents.loading import LoadedTeam
    from ..agents.messages import AgentMessage
    from ..client import GnosariClient, JobHandle
    from ..settings import Settings

_NOBODY_POLLS = 3.0
_GRACE = timedelta(seconds=1)
"""What still runs when the run is over goes down with its server anyway."""


async def run_here(settings: Settings, loaded: LoadedTeam, message: AgentMessage, view: RunView) -> int:
    """Run the team on a server and a worker that live as long as the run."""
    async with _stage(settings, loaded) as client:
        job = await client.send(message)
        return await view.follow(client, job, hint=f"TEMPORAL_ADDRESS={client.settings.address} ")


async def run_there(settings: Settings, message: AgentMessage, view: RunView, *, detach: bool, team: Path) -> int:
    """Run the team on the server that is set, by the workers that are there.

    Raises:
        ServerUnreachable: nobody answers at the address.
    """
    client = await connected(settings)
    job = await client.send(message)
    if detach:
        output.result(job.id)
        output.chatter(f"`gnosari job tree {job.id}` shows it, `gnosari job result {job.id}` waits for the answer")
        return ExitCode.OK
    looking = asyncio.create_task(_say_if_nobody_polls(client, client.routing.queue(type(message)), team))
    try:
        return await view.follow(client, job)
    except asyncio.CancelledError:
        _say_that_it_goes_on(job)
        raise
    finally:
        looking.cancel()


@asynccontextmanager
async def _stage(settings: Settings, loaded: LoadedTeam) -> AsyncIterator[GnosariClient]:
    from ..client import GnosariClient
    from ..server import EmbeddedServer, ServerOptions
    from ..settings import point_at_local_server
    from ..worker import Application, GnosariWorker

    directory = str(settings.project_dir.resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)  # tools of the project's own modules
    async with EmbeddedServer(ServerOptions(port=0)) as server:
        point_at_local_server(server.address, server.ui_address)
        output.chatter(f"Web UI  {server.ui_address}")
        here = type(settings).load(settings.project_dir, grace=_GRACE)
        application = Application.build(here)
        application.add_team(loaded.team)
        client = await GnosariClient.connect(here, registry=application.registry, runtime=logs.runtime())
        async with GnosariWorker(client, application, settings=here):
            yield client


async def _say_if_nobody_polls(client: GnosariClient, queue: str, team: Path) -> None:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
    from temporalio.service import RPCError

    await asyncio.sleep(_NOBODY_POLLS)
    request = DescribeTaskQueueRequest(
        namespace=client.temporal.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    with contextlib.suppress(RPCError):
        if not (await client.temporal.workflow_service.describe_task_queue(request)).pollers:
            output.warning(f"no worker serves queue {queue!r}: start one with `gnosari worker --team {team}`")


def _say_that_it_goes_on(job: JobHandle[object]) -> None:
    output.chatter(f"\nthe run goes on as {job.id}; `gnosari job cancel {job.id}` stops it")
