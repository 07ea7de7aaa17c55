"""The seed document's messages, validators, consumer and unit test, block by block and unchanged, on the package's own
base classes. (Its Celery blocks are in ``test_seed_celery_blocks``.)

Changed are import lines, and the document's escapes of triple quotes are undone. What the blocks leave undefined, and
these tests supply, is listed in ``SUPPLIED``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gnosari_temporal import GnosariClient
from gnosari_temporal.testing import run_consumer

SEED = Path(__file__).parents[1] / "data" / "seed.md"
IMPORTS = {
    "from ..base import BaseMessage": "from gnosari_temporal import BaseMessage",
    "from ..base import BaseConsumer": "from gnosari_temporal import BaseConsumer",
    "from gnosari.queue.consumers.my_feature import": "from seed_my_feature import",
}
SUPPLIED = {
    "Step 2: Define Message Validation": "BaseMessage, and where it says `# ... fields ...` those of the message",
    "Step 1: Define Your Consumer Class": "MyFeatureMessage, from the block of the message",
}

SUPPLIED_IMPORTS = """
from typing import Any, Dict
from pydantic import Field
from gnosari_temporal import BaseMessage
"""


def block(heading: str) -> str:
    """The first Python block below a heading."""
    section = SEED.read_text(encoding="utf-8").split(f"# {heading}\n", 1)[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    text = found[1].replace('\\"\\"\\"', '"""')
    for old, new in IMPORTS.items():
        text = text.replace(old, new)
    return text


MESSAGE = block("Step 1: Define Your Message Class")
VALIDATORS = block("Step 2: Define Message Validation")
CONSUMER = block("Step 1: Define Your Consumer Class")
UNIT_TEST = block("Unit Testing Consumers")


def fields_of_the_message() -> str:
    found = re.search(r"^    user_id: .*?(?=^    \n    @classmethod)", MESSAGE, re.DOTALL | re.M)
    assert found is not None
    return found[0]


@pytest.fixture(scope="module")
def seed() -> Iterator[types.ModuleType]:
    """The blocks of message and consumer as one module, as in the document."""
    module = types.ModuleType("seed_my_feature")
    sys.modules[module.__name__] = module
    exec(compile(f"{MESSAGE}\n\n{CONSUMER}", "seed.md", "exec"), module.__dict__)
    yield module
    del sys.modules[module.__name__]


@pytest.fixture(scope="module")
def validated() -> Any:
    """The message with its validators."""
    module = types.ModuleType("seed_validated")
    sys.modules[module.__name__] = module
    text = VALIDATORS.replace("    # ... fields ...\n", fields_of_the_message())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pydantic's, for @validator
        exec(compile(f"{SUPPLIED_IMPORTS}\n{text}", "seed.md", "exec"), module.__dict__)
    return module.MyFeatureMessage


def test_only_what_is_listed_is_supplied() -> None:
    assert set(SUPPLIED) == {"Step 2: Define Message Validation", "Step 1: Define Your Consumer Class"}
    assert "# ... fields ..." in VALIDATORS
    assert "import BaseMessage" not in VALIDATORS
    assert "class MyFeatureMessage" not in CONSUMER


def test_the_message_is_created_as_written(seed: types.ModuleType) -> None:
    message = seed.MyFeatureMessage.create("user123", "process", {"input_data": 1})
    assert (message.user_id, message.task_type, message.parameters) == ("user123", "process", {"input_data": 1})
    assert (message.priority, message.retry_count, message.max_retries) == (5, 0, 3)
    assert seed.MyFeatureMessage.create("u", "analyze").parameters == {}


def test_the_document_s_message_as_plain_data_is_read(seed: types.ModuleType) -> None:
    text = SEED.read_text(encoding="utf-8")
    literal = re.search(r"process_my_feature_task\.delay\((\{.*?\})\)", text, re.DOTALL)
    assert literal is not None
    message = seed.MyFeatureMessage.from_dict(eval(literal[1]))
    assert message.message_id == "test-123"
    assert message.created_at.isoformat() == "2024-01-01T00:00:00+00:00"


def test_the_validators_refuse_what_they_name(validated: Any) -> None:
    assert validated(user_id="u", task_type="analyze").task_type == "analyze"
    assert validated(user_id="u", task_type="process", parameters={"input_data": 1}).parameters == {"input_data": 1}
    with pytest.raises(ValidationError, match=r"task_type must be one of \['process', 'analyze', 'generate'\]"):
        validated(user_id="u", task_type="dance")
    with pytest.raises(ValidationError, match="input_data required for process tasks"):
        validated(user_id="u", task_type="process", parameters={})


def test_the_consumer_runs_with_its_hooks(seed: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    message = seed.MyFeatureMessage.create("u1", "process", {"input_data": "some data"})
    run = run_consumer(seed.MyFeatureConsumer, message)
    assert run.result is not None
    assert run.result["result"] == {"processed": True, "data": "some data"}
    assert run.hooks == ["on_success"]
    printed = capsys.readouterr().out
    assert "Processing process for user u1" in printed
    assert f"✅ Successfully processed process task {message.message_id}" in printed


def test_the_consumer_s_should_retry_is_asked(seed: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    class Failing(seed.MyFeatureConsumer):  # type: ignore[name-defined,misc]
        error: Exception = ValueError("wrong input")

        async def process(self, message: Any) -> dict[str, Any]:
            raise self.error

    Failing.message_type = seed.MyFeatureMessage
    message = seed.MyFeatureMessage.create("u1", "analyze")
    run = run_consumer(Failing, message)
    assert (run.attempts, run.hooks) == (1, ["on_failure", "should_retry"])  # validation errors are not retried
    assert "❌ Failed to process analyze task" in capsys.readouterr().out

    Failing.error = ConnectionError("gone")
    run = run_consumer(Failing, message)
    assert [delay.total_seconds() for delay in run.delays] == [2, 4, 8]
    assert run.attempts == 4


async def test_the_consumer_serves_its_message_on_a_worker(
    seed: types.ModuleType, gnosari_client: GnosariClient, gnosari_worker: Any
) -> None:
    await gnosari_worker(seed.MyFeatureConsumer)
    message = seed.MyFeatureMessage.create("u1", "analyze", {"data": "test"})
    result = await gnosari_client.send_and_wait(message, wait=20)
    assert result["result"] == {"analysis": "completed", "parameters": {"data": "test"}}
    assert result["user_id"] == "u1"


def test_the_unit_test_of_the_document_passes_under_pytest(tmp_path: Path) -> None:
    (tmp_path / "seed_my_feature.py").write_text(f"{MESSAGE}\n\n{CONSUMER}", encoding="utf-8")
    (tmp_path / "test_my_feature.py").write_text(UNIT_TEST, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
