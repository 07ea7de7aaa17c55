"""What ``gnosari_temporal`` exports: a name that goes away or appears is a decision, not an accident."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import gnosari_temporal

PUBLIC = """
Answer Application BaseConsumer BaseMessage BatchHandle BatchProgress BatchStatus GnosariClient GnosariError
GnosariWorker JobCancelled JobContext JobError JobExpired JobFailed JobHandle JobLost JobNotFound JobState JobStatus
Outcome Registry ResultTimeout RetryLater RetrySpec SendOptions Settings Signature TeamTools ToolTicket chain chord
consume current_job group load_project replayer run_child signature start_child wait_for_approval workflow_for
""".split()  # noqa: SIM905  a list of forty strings is harder to read


def typing_names() -> list[str]:
    """The names that type checkers see: imported under TYPE_CHECKING."""
    tree = ast.parse(Path(gnosari_temporal.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]


def test_the_public_names_are_these() -> None:
    assert sorted(gnosari_temporal.__all__) == sorted(PUBLIC)


def test_type_checkers_and_the_interpreter_see_the_same_names() -> None:
    assert sorted(typing_names()) == sorted(gnosari_temporal.__all__)
    assert sorted(gnosari_temporal._HOME) == sorted(gnosari_temporal.__all__)


def test_every_public_name_can_be_imported_and_says_what_it_is_for() -> None:
    undocumented = [name for name in gnosari_temporal.__all__ if not getattr(gnosari_temporal, name).__doc__]

    assert undocumented == []


def test_importing_the_package_loads_none_of_its_dependencies() -> None:
    heavy = ("temporalio", "pydantic", "rich", "agents", "watchfiles")
    script = f"import sys, gnosari_temporal; print([name for name in {heavy!r} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
