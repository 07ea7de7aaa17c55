"""The lists of the application's two folders say what runs: no more and no less."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import activities
import workflows
from gnosari_temporal import Application, BaseConsumer, BaseMessage, Settings, load_project
from gnosari_temporal.execution.workflows import message_type_of_workflow

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def application() -> Application:
    return load_project(Settings(project_dir=REPOSITORY))


def classes_in(package: ModuleType, base: type) -> set[type]:
    """Every class of the package's modules that derives from ``base``."""
    modules = [importlib.import_module(f"{package.__name__}.{i.name}") for i in pkgutil.iter_modules(package.__path__)]
    return {
        member
        for module in modules
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, base) and member.__module__ == module.__name__
    }


def test_the_workflows_that_a_worker_registers_are_those_listed(application: Application) -> None:
    assert set(application.registry.workflows.values()) == set(workflows.WORKFLOWS)
    assert len(workflows.WORKFLOWS) == len(set(workflows.WORKFLOWS))


def test_the_consumers_that_a_worker_registers_are_those_listed(application: Application) -> None:
    assert set(application.registry.consumers.values()) == set(activities.ACTIVITIES)
    assert len(activities.ACTIVITIES) == len(set(activities.ACTIVITIES))


def test_no_consumer_or_message_type_of_the_folders_is_left_out(application: Application) -> None:
    assert classes_in(activities, BaseConsumer) <= set(activities.ACTIVITIES)
    assert classes_in(workflows, BaseMessage) <= set(application.registry.message_types.values())


def test_every_message_has_one_consumer_or_a_workflow_of_its_own(application: Application) -> None:
    # given
    served = [policy.message_type for policy in application.registry]
    generated = {
        message_type_of_workflow(workflow).__name__  # type: ignore[union-attr]
        for workflow in workflows.WORKFLOWS
        if hasattr(workflow, "message_type")
    }
    own = {name for name in application.registry.workflows if name not in generated}

    # then
    assert len(served) == len(set(served))
    assert set(application.registry.message_types) == set(served) | own


def test_workflows_never_imports_activities() -> None:
    # given a sender's process, which has the folder workflows only
    script = "import sys, workflows; print([name for name in sys.modules if name.split('.')[0] == 'activities'])"

    # when
    found = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    # then
    assert found.stdout.strip() == "[]"
    assert not [path for path in (REPOSITORY / "workflows").rglob("*.py") if "activities" in imported(path)]


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, in functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names
