"""Fixtures of the tools' tests: a web server on loopback, a canary, and a worker with the tools of a team."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tools_http import Canary, WebServer

from gnosari_temporal import Application, GnosariClient, Settings
from gnosari_temporal.agents import parse_team
from gnosari_temporal.client import TeamTools

ServeTeam = Callable[..., Awaitable[TeamTools]]


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def canary() -> Iterator[Canary]:
    found = Canary()
    yield found
    found.close()


@pytest.fixture
def serve_team(gnosari_client: GnosariClient, gnosari_settings: Settings, gnosari_worker: Any) -> ServeTeam:
    """Starts a worker that was given a team file, and gives the team's tools.

    ``environ`` is what the worker's environment has and the caller's has not.
    """

    async def serve(text: str, *, environ: dict[str, str] | None = None, **options: Any) -> TeamTools:
        changed = {"environ": {**gnosari_settings.environ, **(environ or {})}, **options.pop("changes", {})}
        settings = gnosari_settings.model_copy(update=changed)
        team = parse_team(text, environ=settings.environ).team
        application = Application.build(settings)
        application.add_team(team)
        await gnosari_worker(application, settings=settings, **options)
        return gnosari_client.tools(team, agent_id="Tester", session_id="s-1")

    return serve
