"""A batch and a chord over the restart of the worker that runs them."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from gnosari_temporal import BaseMessage, GnosariClient, signature
from gnosari_temporal.testing import local_settings

from .project import Project, poll

EXTRA = '''
import asyncio
from pathlib import Path

from gnosari_temporal import BaseConsumer, BaseMessage


class Step(BaseMessage):
    """Waits until the folder has a file `go`."""

    n: int
    folder: Path


class StepConsumer(BaseConsumer):
    async def process(self, message: Step) -> int:
        (message.folder / f"started-{message.n}").touch()
        while not (message.folder / "go").exists():
            await asyncio.sleep(0.05)
        return message.n


class Nap(BaseMessage):
    n: int


class NapConsumer(BaseConsumer):
    async def process(self, message: Nap) -> int:
        Path("napping").touch()
        await asyncio.sleep(0.01)
        return message.n


class Collect(BaseMessage):
    items: list[int]


class CollectConsumer(BaseConsumer):
    def process(self, message: Collect) -> list[int]:
        return message.items
'''


class Step(BaseMessage):
    n: int
    folder: Path


class Collect(BaseMessage):
    items: list[int]


def with_extra(project: Project) -> None:
    (project.directory / "extra.py").write_text(EXTRA)
    with (project.directory / "gnosari.toml").open("a") as settings:
        settings.write('modules = ["extra"]\n')


async def over_a_restart(project: Project, *options: str) -> None:
    # given a batch of 5,000 that has begun
    with_extra(project)
    file = project.directory / "messages.jsonl"
    file.write_text("".join(f'{{"n": {n}}}\n' for n in range(5000)))
    client = await GnosariClient.connect(local_settings(project.environ["TEMPORAL_ADDRESS"]))
    batch = client.batch(f"batch-{uuid.uuid4().hex[:8]}")
    worker = project.start_worker("--grace", "1s")
    sent = project.run("send", "Nap", "--file", str(file), "--batch", batch.id, *options)
    assert sent.returncode == 0, sent.stderr
    poll((project.directory / "napping").exists, what="the first message")

    # when its worker ends and another starts
    worker.stop()
    assert (await batch.progress()).done < 5000
    project.start_worker("--concurrency", "40")

    # then nothing is lost
    assert await batch.results(600) == list(range(5000))


async def test_a_light_batch_of_5000_over_a_worker_restart(project: Project) -> None:
    await over_a_restart(project, "--light")


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_batch_of_5000_over_a_worker_restart(project: Project) -> None:
    await over_a_restart(project)


async def test_a_chord_over_a_worker_restart(project: Project, tmp_path: Path) -> None:
    # given a chord whose messages run
    with_extra(project)
    worker = project.start_worker("--grace", "0s")
    client = await GnosariClient.connect(local_settings(project.environ["TEMPORAL_ADDRESS"]))
    job = await client.chord(
        [Step(n=n, folder=tmp_path) for n in (1, 2)], signature(Collect, into="items"), queue=project.queue
    )
    poll(lambda: len(list(tmp_path.glob("started-*"))) == 2)

    # when their worker ends and another starts
    worker.stop()
    project.start_worker()
    (tmp_path / "go").touch()

    # then
    assert await job.result(60) == [1, 2]
