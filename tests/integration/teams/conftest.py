"""Teams, scripts, workers and model servers for the tests of agents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gnosari_temporal import Application, GnosariClient, GnosariWorker, JobHandle, Settings
from gnosari_temporal.agents import AgentMessage, TeamSpec, parse_team

from .agents_http import Call, OpenAIServer, Reply

Run = Callable[..., Awaitable[JobHandle[Any]]]


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[..., TeamSpec]:
    """Makes a team whose model plays a script: ``scripted({"Agent": [turns]}, agents=[...], config={...})``."""

    def make(turns: dict[str, list[dict[str, Any]]], **team: Any) -> TeamSpec:
        script = tmp_path / "script.yaml"
        script.write_text(yaml.safe_dump({"agents": turns}), encoding="utf-8")
        config = {"model": f"scripted:{script}", **team.pop("config", {})}
        return parse_team(yaml.safe_dump({"name": "Test team", "config": config, **team})).team

    return make


@pytest.fixture
def team_settings(gnosari_settings: Settings) -> Settings:
    """Settings of the worker; a test may add to its environment."""
    return gnosari_settings


@pytest.fixture
async def team_worker(
    gnosari_client: GnosariClient, team_settings: Settings
) -> AsyncIterator[Callable[[TeamSpec], Awaitable[GnosariWorker]]]:
    """Starts a worker for a team."""
    running: list[GnosariWorker] = []

    async def start(team: TeamSpec, **options: Any) -> GnosariWorker:
        settings = options.pop("settings", team_settings)
        application = Application.build(settings)
        application.add_team(team)
        gnosari_client.registry = application.registry
        worker = GnosariWorker(gnosari_client, application, settings=settings, **options)
        await worker.__aenter__()
        running.append(worker)
        return worker

    yield start
    for worker in running:
        await worker.__aexit__(None, None, None)


@pytest.fixture
async def run(gnosari_client: GnosariClient, team_worker: Any) -> Run:
    """Runs a team on a message: starts a worker for it and gives the job."""

    async def start(team: TeamSpec, message: str = "the sea", **fields: Any) -> JobHandle[Any]:
        options = fields.pop("options", {})
        await team_worker(team, **fields.pop("worker", {}))
        return await gnosari_client.send(AgentMessage(team=team, message=message, **fields), **options)

    return start


@pytest.fixture
def model_server() -> Iterator[Callable[[Callable[[Call], Reply]], OpenAIServer]]:
    """Starts OpenAI-compatible servers: ``model_server(lambda call: Reply("hello"))``."""
    running: list[OpenAIServer] = []

    def start(answer: Callable[[Call], Reply]) -> OpenAIServer:
        server = OpenAIServer(answer).__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)
