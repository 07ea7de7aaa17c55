"""Which modules an application passes through the workflow sandbox."""

from __future__ import annotations

import sys
import types

import pytest

from gnosari_temporal import Application, BaseConsumer, BaseMessage


class Parcel(BaseMessage):
    pass


class ParcelConsumer(BaseConsumer):
    async def process(self, message: Parcel) -> None: ...


def module_with_own_workflow(monkeypatch: pytest.MonkeyPatch, arguments: str) -> types.ModuleType:
    module = types.ModuleType("own_workflow_here")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    source = (
        "from temporalio import workflow\n"
        "from gnosari_temporal import BaseMessage\n"
        "class Letter(BaseMessage): pass\n"
        f"@workflow.defn({arguments})\n"
        "class LetterWorkflow:\n"
        "    @workflow.run\n"
        "    async def run(self, message: Letter) -> None: ...\n"
    )
    exec(source, module.__dict__)
    return module


def test_a_module_of_messages_is_passed_through_the_sandbox() -> None:
    application = Application.build(consumers=[ParcelConsumer])

    assert application.modules == {__name__}


def test_a_module_with_a_workflow_of_its_own_is_not_for_then_nothing_in_it_would_be_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given
    module = module_with_own_workflow(monkeypatch, "name='Letter'")
    application = Application.build(consumers=[ParcelConsumer])

    # when
    application.add(workflows=[module.LetterWorkflow])

    # then
    assert application.modules == {__name__}


def test_a_module_whose_workflow_leaves_the_sandbox_is_passed_through(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    module = module_with_own_workflow(monkeypatch, "name='Letter', sandboxed=False")

    # when
    application = Application.build(workflows=[module.LetterWorkflow])

    # then
    assert application.modules == {module.__name__}
