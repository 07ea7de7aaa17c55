"""A project of its own for a test, and the `gnosari` command run in it as a subprocess."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gnosari_temporal import BaseMessage, GnosariClient, JobState, JobStatus, Settings

T = TypeVar("T")

GNOSARI = str(Path(sys.executable).with_name("gnosari"))
"""The console script beside the interpreter that runs the tests."""

_FOREIGN = ("GNOSARI_", "TEMPORAL_", "CELERY_", "FLOWER_", "LOG_LEVEL", "_GNOSARI")

WORKFLOWS = '''
"""Messages of the tests."""

from pathlib import Path
from typing import Literal

from temporalio import workflow

from gnosari_temporal import BaseMessage, wait_for_approval, workflow_for


class ExampleMessage(BaseMessage):
    """Greets or fails."""

    user_id: str
    action: Literal["greet", "fail"] = "greet"


class MyFeatureMessage(BaseMessage):
    """Has a queue of its own."""

    default_queue = "FEATURE_QUEUE"
    user_id: str
    task_type: Literal["process", "analyze"]


class SlowMessage(BaseMessage):
    """Runs until `seconds` have passed or it is cancelled; says so in files."""

    folder: Path
    seconds: float = 60.0
    stubborn: bool = False


class ReportMessage(BaseMessage):
    """Waits for a person."""

    title: str


@workflow.defn(name="ReportMessage")
class ReportWorkflow:
    @workflow.run
    async def run(self, message: ReportMessage) -> dict:
        answer = await wait_for_approval(f"publish {message.title}?", timeout=600)
        assert answer is not None
        return {"approved": answer.approved, "reason": answer.reason, "by": answer.by}


WORKFLOWS = (
    workflow_for(ExampleMessage),
    workflow_for(MyFeatureMessage),
    workflow_for(SlowMessage),
    ReportWorkflow,
)
'''

ACTIVITIES = '''
"""Consumers of the tests."""

import asyncio
import time

from gnosari_temporal import BaseConsumer, RetrySpec
from workflows import ExampleMessage, MyFeatureMessage, SlowMessage

GREETING = "Hello"

print("a module that prints while it is imported")


class ExampleConsumer(BaseConsumer):
    retry = RetrySpec(maximum_attempts=2, initial_interval=0.1)

    async def process(self, message: ExampleMessage) -> dict:
        if message.action == "fail":
            raise ValueError("asked to fail")
        return {"greeting": f"{GREETING}, {message.user_id}!"}


class MyFeatureConsumer(BaseConsumer):
    def process(self, message: MyFeatureMessage) -> dict:
        return {"user_id": message.user_id, "done": message.task_type}


class SlowConsumer(BaseConsumer):
    async def process(self, message: SlowMessage) -> str:
        (message.folder / "started").touch()
        end = time.monotonic() + message.seconds
        while time.monotonic() < end:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                (message.folder / "cancelled").touch()
                if not message.stubborn:
                    raise
        (message.folder / "finished").touch()
        return "finished"


ACTIVITIES = (ExampleConsumer, MyFeatureConsumer, SlowConsumer)
'''


class ExampleMessage(BaseMessage):
    """As the projects have it."""

    user_id: str
    action: str = "greet"


class SlowMessage(BaseMessage):
    """As the projects have it."""

    folder: Path
    seconds: float = 60.0
    stubborn: bool = False


class ReportMessage(BaseMessage):
    """As the projects have it."""

    title: str


def poll(condition: Callable[[], object], *, seconds: float = 20.0, what: str = "the condition") -> object:
    """Wait until the condition holds, and return what it gives."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not hold within {seconds} s"
        time.sleep(0.05)
    return found


def clean_environment(extra: Mapping[str, str | None]) -> dict[str, str]:
    """This process's environment without what would configure the command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    kept["TEMPORAL_CONFIG_FILE"] = os.devnull
    return kept | {name: value for name, value in extra.items() if value is not None}


class Running:
    """A `gnosari` command that runs in the background."""

    def __init__(self, arguments: tuple[str, ...], cwd: Path, environ: dict[str, str], folder: Path) -> None:
        self._files = [folder / f"{uuid.uuid4().hex}.{name}" for name in ("out", "err")]
        with self._files[0].open("wb") as out, self._files[1].open("wb") as err:
            self.process = subprocess.Popen(
                [GNOSARI, *arguments], cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return self._files[0].read_text()

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return self._files[1].read_text()

    def wait_for(self, text: str, *, seconds: float = 30.0) -> None:
        """Wait until it has printed or said this."""

        def seen() -> bool:
            if text in self.stdout or text in self.stderr:
                return True
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stderr}"
            return False

        poll(seen, seconds=seconds, what=f"{text!r} in the output")

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        """Wait for its end; its exit code."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM, and wait for its end."""
        self.signal()
        return self.wait()


@dataclass
class Project:
    """A project in a directory of its own, with queues of its own, and the command run in it."""

    directory: Path
    environ: dict[str, str]
    queue: str
    feature_queue: str
    _running: list[Running] = field(default_factory=list)

    @classmethod
    def write(cls, directory: Path, address: str | None = None) -> Project:
        """Write the two folders; `address` is where its commands look for the server."""
        unique = uuid.uuid4().hex[:8]
        project = cls(
            directory, clean_environment({"TEMPORAL_ADDRESS": address}), f"queue-{unique}", f"feature-{unique}"
        )
        for folder, text in (("workflows", WORKFLOWS), ("activities", ACTIVITIES)):
            (directory / folder).mkdir(parents=True)
            (directory / folder / "__init__.py").write_text(text.replace("FEATURE_QUEUE", project.feature_queue))
        (directory / "gnosari.toml").write_text(f'default_queue = "{project.queue}"\n')
        return project

    def run(
        self, *arguments: str, input: str | None = None, timeout: float = 60.0, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            [GNOSARI, *arguments],
            cwd=self.directory,
            env=self.environ | environ,
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def ask(self, work: Callable[[GnosariClient], Awaitable[T]]) -> T:
        """Ask the server in this process, for what the command is not the subject: quicker than a run of it."""

        async def run() -> T:
            settings = Settings(
                default_queue=self.queue, environ={"TEMPORAL_ADDRESS": self.environ["TEMPORAL_ADDRESS"]}
            )
            async with await GnosariClient.connect(settings) as client:
                return await work(client)

        return asyncio.run(run())

    def send(self, message: BaseMessage) -> str:
        """Send a message in this process; its job's id."""

        async def work(client: GnosariClient) -> str:
            return (await client.send(message)).id

        return self.ask(work)

    def status(self, job: str) -> JobStatus:
        """Where a job stands."""
        return self.ask(lambda client: client.job(job).status())

    def result(self, job: str, timeout: float = 30.0) -> Any:
        """A job's result."""
        return self.ask(lambda client: client.job(job).result(timeout))

    def wait_for(self, job: str, state: JobState) -> JobStatus:
        """Wait until a job stands there."""
        poll(lambda: self.status(job).state is state, what=f"{job} {state}")
        return self.status(job)

    def start(self, *arguments: str, **environ: str) -> Running:
        """Run the command in the background; it is killed at the end of the test if it still runs."""
        running = Running(arguments, self.directory, self.environ | environ, self.directory)
        self._running.append(running)
        return running

    def start_worker(self, *arguments: str, **environ: str) -> Running:
        """A worker that has connected."""
        running = self.start("worker", *arguments, **environ)
        running.wait_for("  consumers ")
        return running

    def close(self) -> None:
        """End what still runs."""
        for running in self._running:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
