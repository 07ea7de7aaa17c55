"""Recorded histories of message workflows replay with today's code: what would break a running job fails here."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay.purchases import CONSUMERS, Purchase, PurchaseWorkflow
from replay.record_messages import Work, WorkConsumer, application
from temporalio import workflow

from gnosari_temporal import Application, BaseConsumer, RetrySpec, Settings, replayer
from gnosari_temporal.settings import Lane
from gnosari_temporal.testing import recorded_history

FOLDER = Path(__file__).parent / "histories"
HISTORIES = [*sorted(FOLDER.glob("message_*.json")), *sorted(FOLDER.glob("purchase_*.json"))]


def test_every_end_of_a_job_was_recorded() -> None:
    assert {path.stem for path in HISTORIES} == {
        "message_begun",
        "message_cancelled",
        "message_cancelled_expiring",
        "message_cancelled_retrying",
        "message_delayed",
        "message_expired",
        "message_expiring",
        "message_expiring_failed",
        "message_expiring_retried",
        "message_failed",
        "message_retried",
        "message_succeeded",
        "message_urgent",
        "purchase_approved",
        "purchase_cancelled",
        "purchase_rejected",
        "purchase_shipped",
        "purchase_unanswered",
    }


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_job_replays(history: Path) -> None:
    await replayer(application()).replay_workflow(recorded_history(history))


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_it_replays_on_a_worker_with_other_policies_and_settings(history: Path) -> None:
    # given a deploy that changed what policies, queues and lanes are
    class Changed(WorkConsumer):
        queue = "elsewhere"
        retry = RetrySpec(maximum_attempts=0)
        timeout = 1

    Changed.__name__ = "WorkConsumer"
    changed = Application.build(consumers=[Changed, *CONSUMERS], workflows=[PurchaseWorkflow])
    settings = Settings(priority_levels=5, lanes=(Lane(name="other", priorities=(1, 9)),), default_queue="other")

    # then jobs that run already are not disturbed
    await replayer(changed, settings).replay_workflow(recorded_history(history))


@workflow.defn(name="Purchase", sandboxed=False)
class ShipsFirst:
    """The workflow after a careless change."""

    @workflow.run
    async def run(self, message: Purchase) -> None:
        await workflow.sleep(1)


async def test_a_history_does_not_replay_with_other_code() -> None:
    changed = Application.build(consumers=CONSUMERS, workflows=[ShipsFirst])

    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replayer(changed).replay_workflow(recorded_history(FOLDER / "purchase_shipped.json"))


async def test_a_consumer_of_another_name_is_other_code() -> None:
    class Other(BaseConsumer):
        async def process(self, message: Work) -> None: ...

    Other.process.__annotations__["message"] = Work
    changed = Application.build(consumers=[Other, *CONSUMERS])
    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replayer(changed).replay_workflow(recorded_history(FOLDER / "message_succeeded.json"))
