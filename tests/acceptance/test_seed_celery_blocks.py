"""The Celery code of the seed document, block by block and unchanged, on ``gnosari_temporal.celery``.

Only import lines change, and what a block leaves open (``# ... fields ...``, ``message_data``) is filled in.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gnosari_temporal import blocking
from gnosari_temporal.server import EmbeddedServer
from gnosari_temporal.testing import WorkerThread, local_settings
from gnosari_temporal.worker import load_project

SEED = Path(__file__).parents[1] / "data" / "seed.md"
PACKAGE = "seed_queue"
_IMPORTS = {
    "from ..base import": "from gnosari_temporal.celery.base import",
    "from ..app import celery_app": f"from {PACKAGE}.app import celery_app",
    "from gnosari.queue.consumers.my_feature import": f"from {PACKAGE}.consumers.my_feature import",
    "from celery.exceptions import": "from gnosari_temporal.celery.exceptions import",
}
EXAMPLE = f"""
from gnosari_temporal.celery.base import BaseConsumer, BaseMessage
from {PACKAGE}.app import celery_app


class ExampleMessage(BaseMessage):
    name: str


class ExampleConsumer(BaseConsumer):
    async def process(self, message: ExampleMessage) -> str:
        return f"Hello, {{message.name}}"


@celery_app.task(bind=True)
def process_example_task(self, message_data):
    return message_data["name"]
"""
"""The module that Step 4 imports beside the one of the document."""


def block(heading: str, number: int = 0) -> str:
    """A Python block below a heading, without the document's escapes, with its imports changed."""
    section = SEED.read_text(encoding="utf-8").split(f"# {heading}\n", 1)[1]
    section = re.split(r"^#{2,3} [A-Z]", section, maxsplit=1, flags=re.M)[0]
    text = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[number].replace('\\"\\"\\"', '"""')
    for old, new in _IMPORTS.items():
        text = text.replace(old, new)
    return text


class Seed:
    """The document's package in a folder, with a worker that runs it."""

    def __init__(self, folder: Path) -> None:
        consumers = folder / PACKAGE / "consumers"
        consumers.mkdir(parents=True)
        (folder / PACKAGE / "__init__.py").touch()
        (folder / PACKAGE / "app.py").write_text(
            "from gnosari_temporal.celery import create_celery_app\n\ncelery_app = create_celery_app()\n"
        )
        (consumers / "example.py").write_text(EXAMPLE)
        (consumers / "__init__.py").write_text(block("Step 4: Register Your Consumer"))
        (consumers / "my_feature.py").write_text(
            "\n\n".join(
                (
                    block("Step 1: Define Your Message Class"),
                    block("Step 1: Define Your Consumer Class"),
                    block("Step 2: Create the Celery Task"),
                    block("Step 3: Create Helper Functions"),
                )
            )
        )
        sys.path.insert(0, str(folder))
        self.consumers: ModuleType = importlib.import_module(f"{PACKAGE}.consumers")
        self.my_feature: ModuleType = importlib.import_module(f"{PACKAGE}.consumers.my_feature")


@pytest.fixture(scope="module")
def seed(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seed]:
    folder = tmp_path_factory.mktemp("seed")
    package = Seed(folder)
    settings = local_settings(server.address, project_dir=folder, modules=(f"{PACKAGE}.consumers",))
    blocking.configure(settings)
    try:
        with WorkerThread(settings, load_project(settings)):
            yield package
    finally:
        blocking.configure()
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]


def run(text: str, **names: Any) -> SimpleNamespace:
    """Run a block; gives the names that it leaves."""
    scope: dict[str, Any] = {"__name__": "seed_block", **names}
    exec(compile(text, "seed.md", "exec"), scope)
    return SimpleNamespace(**{name: value for name, value in scope.items() if not name.startswith("__")})


def test_the_validators_of_step_2_refuse_what_they_name(seed: Seed) -> None:
    text = block("Step 2: Define Message Validation").replace(
        "    # ... fields ...", "    user_id: str\n    task_type: str\n    parameters: dict = {}"
    )

    message = run(text, BaseMessage=importlib.import_module("gnosari_temporal.celery").BaseMessage).MyFeatureMessage

    assert message(user_id="u", task_type="analyze", parameters={"a": 1}).task_type == "analyze"
    with pytest.raises(ValueError, match="task_type must be one of"):
        message(user_id="u", task_type="other")
    with pytest.raises(ValueError, match="input_data required"):
        message(user_id="u", task_type="process", parameters={"a": 1})


def test_step_4_lists_both_consumers_with_their_tasks(seed: Seed) -> None:
    assert all(hasattr(seed.consumers, name) for name in seed.consumers.__all__)
    assert seed.consumers.process_my_feature_task.name == f"{PACKAGE}.consumers.my_feature.process_my_feature_task"


def test_a_message_is_sent_by_the_helper_of_step_3(seed: Seed, capsys: pytest.CaptureFixture[str]) -> None:
    left = run(block("Sending Messages"))

    assert f"Sent message: {left.message_id}" in capsys.readouterr().out


def test_a_message_is_sent_with_a_priority_by_the_second_helper(seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    task = seed.my_feature.process_my_feature_task
    apply_async = type(task).apply_async
    monkeypatch.setattr(
        type(task), "apply_async", lambda self, *a, **k: sent.append(apply_async(self, *a, **k)) or sent[-1]
    )

    seed.my_feature.send_my_feature_message_priority("user123", "analyze", {"data": "x"}, priority=2)

    status = blocking.job(f"task/{sent[0].id}").status()
    assert (status.type, status.priority, status.queue) == (task.name, 2, "gnosari_queue")


def test_results_are_waited_for_and_one_message_id_in_two_calls_is_two_calls(
    seed: Seed, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"user_id": "user123", "task_type": "analyze", "parameters": {"data": "test"}, "message_id": "test-123"}
    other = seed.my_feature.process_my_feature_task.delay({**data, "created_at": "2024-01-01T00:00:00Z"})

    left = run(block("Working with Message Results"))

    assert left.final_result == {
        "message_id": "test-123",
        "user_id": "user123",
        "result": {"analysis": "completed", "parameters": {"data": "test"}},
        "processed_at": "2024-01-01T00:00:00+00:00",
    }
    assert "analysis" in capsys.readouterr().out
    assert (other.get(timeout=60), other.id != left.result.id) == (left.final_result, True)


def test_a_task_that_fails_is_caught_by_the_error_handling(seed: Seed, capsys: pytest.CaptureFixture[str]) -> None:
    message_data = seed.my_feature.MyFeatureMessage.create("u", "analyze").to_dict()
    message_data["created_at"] = "not a time"

    run(
        block("Error Handling"),
        process_my_feature_task=seed.my_feature.process_my_feature_task,
        message_data=message_data,
    )

    assert "Task failed: " in capsys.readouterr().out


def test_a_task_that_succeeds_passes_the_error_handling(seed: Seed, capsys: pytest.CaptureFixture[str]) -> None:
    left = run(
        block("Error Handling"),
        process_my_feature_task=seed.my_feature.process_my_feature_task,
        message_data=seed.my_feature.MyFeatureMessage.create("u", "analyze").to_dict(),
    )

    assert left.final_result["user_id"] == "u"
    assert "failed" not in capsys.readouterr().out


def test_the_retries_of_step_2_wait_as_they_are_written_to(seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eager, so that 2 + 4 + 8 seconds need not pass."""
    waits: list[Any] = []
    task = seed.my_feature.process_my_feature_task
    retry = type(task).retry
    monkeypatch.setattr(type(task), "retry", lambda self, *a, **k: waits.append(k["countdown"]) or retry(self, *a, **k))

    async def fail(self: Any, message: Any) -> Any:
        raise OSError("away")

    monkeypatch.setattr(seed.my_feature.MyFeatureConsumer, "process", fail)

    result = task.apply(args=[seed.my_feature.MyFeatureMessage.create("u", "analyze").to_dict()])

    assert waits == [2, 4, 8]
    assert (result.state, type(result.result)) == ("FAILURE", OSError)


def test_the_unit_test_of_the_document_passes(seed: Seed) -> None:
    asyncio.run(run(block("Unit Testing Consumers")).test_my_feature_consumer())


def test_the_integration_test_of_the_document_passes(seed: Seed) -> None:
    run(block("Integration Testing")).test_message_processing_integration()
