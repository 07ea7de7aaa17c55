"""`gnosari doctor` as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gnosari_temporal.server import EmbeddedServer, ServerOptions, free_port

from .project import Project


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """A server without the jobs of other tests: the doctor looks at all that stand."""
    with EmbeddedServer(ServerOptions(port=0, headless=True)) as server:
        yield server


def test_a_served_project_is_healthy(served: Project, server: EmbeddedServer) -> None:
    ran = served.run("doctor", "--probe", "--json")

    found = json.loads(ran.stdout)
    assert ran.returncode == 0, found["findings"]
    assert found["healthy"]
    assert (found["address"], found["namespace"]) == (server.address, "default")
    assert found["server_version"].startswith("1.")
    assert (found["priority_levels"], found["server_priority_levels"], found["partitions"]) == (10, 10, 1)
    assert found["priority_keys"]["7"] == 7
    assert found["fairness"] is True
    assert found["missing_search_attributes"] == []
    assert "ExampleConsumer" in found["consumers"]
    assert found["stuck"] == []
    polled = {(queue["name"], queue["kind"]): queue["pollers"] for queue in found["task_queues"]}
    for queue in (served.queue, served.feature_queue):
        assert polled[queue, "workflow"]
        assert polled[queue, "activity"]
        assert polled[f"{queue}.express", "activity"]


def test_it_says_where_each_setting_came_from_and_hides_secrets(served: Project) -> None:
    (served.directory / ".env").write_text("GNOSARI_GRACE=5s\nTEMPORAL_API_KEY=top-secret\n")
    environ = {
        "GNOSARI_CONCURRENCY": "7",
        "LOG_LEVEL": "WARNING",
        "GNOSARI_UI_ADDRESS": "http://ada:pw@ui.example",
        "TEMPORAL_TLS": "false",
        "CELERY_BROKER_URL": "redis://:hidden-too@redis",
    }
    try:
        as_json = served.run("doctor", "--json", **environ)
        as_text = served.run("doctor", **environ)
    finally:
        (served.directory / ".env").unlink()

    settings = {item["name"]: (item["value"], item["source"]) for item in json.loads(as_json.stdout)["settings"]}
    assert settings["concurrency"] == (7, "GNOSARI_CONCURRENCY")
    assert settings["loglevel"] == ("warning", "LOG_LEVEL")
    assert settings["grace"] == ("5s", "GNOSARI_GRACE in .env")
    assert settings["default_queue"] == (served.queue, "gnosari.toml")
    assert settings["express"] == (None, "default")
    assert settings["api_key"] == ("(hidden)", "TEMPORAL_API_KEY in .env")
    assert settings["ui_address"] == ("http://***@ui.example", "GNOSARI_UI_ADDRESS")
    assert "CELERY_BROKER_URL is set and has no effect" in as_text.stdout
    for secret in ("top-secret", "pw@", "hidden-too"):
        assert secret not in as_json.stdout + as_text.stdout + as_json.stderr + as_text.stderr


def test_queues_that_nobody_serves_are_problems_with_their_backlog(project: Project) -> None:
    project.run("send", "ExampleMessage", '{"user_id":"u1"}')

    ran = project.run("doctor")

    assert ran.returncode == 1
    assert f"no worker polls queue {project.queue}, where 1 wait" in ran.stdout
    assert f"`gnosari worker --queue {project.feature_queue}`" in ran.stdout
    assert "2 problems" in ran.stdout


def test_without_a_server_it_exits_3_and_still_tells_the_settings(served: Project) -> None:
    ran = served.run("doctor", "--json", TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")

    found = json.loads(ran.stdout)
    assert ran.returncode == 3
    assert not found["reachable"]
    assert "`gnosari up`" in found["findings"][0]["remedy"]
    assert {"name": "default_queue", "value": served.queue, "source": "gnosari.toml"} in found["settings"]


def test_a_stock_server_is_told_by_its_priorities_partitions_and_search_attributes(project: Project) -> None:
    with EmbeddedServer(ServerOptions(port=0, headless=True, dynamic_config={}, search_attributes={})) as stock:
        ran = project.run("doctor", "--json", TEMPORAL_ADDRESS=stock.address)
        halved = project.run("doctor", TEMPORAL_ADDRESS=stock.address, GNOSARI_PRIORITY_LEVELS="5")

    found = json.loads(ran.stdout)
    said = {finding["text"]: finding["remedy"] for finding in found["findings"]}
    assert (found["server_priority_levels"], found["partitions"]) == (5, 4)
    assert "set GNOSARI_PRIORITY_LEVELS=5" in said["the server has 5 priority levels, the settings say 10"]
    assert any("GnosariState" in text for text in said)
    assert "--name GnosariBatch" in " ".join(said.values())
    assert "1→1, 2→1, 3→2" in halved.stdout
    assert "the settings say" not in halved.stdout


def test_a_project_that_cannot_be_loaded_and_a_missing_namespace_are_problems(project: Project) -> None:
    (project.directory / "workflows" / "__init__.py").write_text("import no_such_module\n")

    ran = project.run("doctor", TEMPORAL_NAMESPACE="nowhere")

    assert ran.returncode == 1
    assert "the project cannot be loaded: importing workflows failed" in ran.stdout
    assert "there is no namespace 'nowhere'" in ran.stdout
