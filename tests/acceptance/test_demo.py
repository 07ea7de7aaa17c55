"""`gnosari demo` as a user runs it, away from the repository."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .project import GNOSARI, Running, clean_environment, poll

HOSTILE = {
    "TEMPORAL_ADDRESS": "192.0.2.1:7233",
    "TEMPORAL_NAMESPACE": "elsewhere",
    "TEMPORAL_API_KEY": "wrong",
    "GNOSARI_QUEUES": "another_queue",
}
"""What is set for another server must not reach the demo."""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Running]:
    running = Running(("demo", "--keep", "--json"), tmp_path, clean_environment(HOSTILE), tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def test_everything_goes_as_told_and_the_web_ui_stays_until_ctrl_c(kept: Running) -> None:
    # when
    kept.wait_for("stay up until Ctrl-C", seconds=60)
    told = json.loads(kept.stdout)

    # then all was as told
    assert [check for check in told["checks"] if not check["ok"]] == []
    assert told["ok"] is True
    assert len(told["checks"]) > 20

    # and the account holds every state of a job that the demo speaks of, with the real waits of the backoff
    states = {job["told"]: job["state"] for job in told["jobs"]}
    assert states["greeting"] == states["feature"] == states["approval"] == states["delayed"] == "SUCCEEDED"
    assert (states["failure"], states["cancelled"]) == ("FAILED", "CANCELLED")
    failure = next(job for job in told["jobs"] if job["told"] == "failure")
    first, second, third = failure["attempts"][0]["waits"]
    assert first >= 0.3
    assert second >= 0.6
    assert third >= 1.2

    # and the Web UI lists the jobs by message type while the server is kept
    def listed() -> set[str]:
        with urllib.request.urlopen(f"{told['web_ui']}/api/v1/namespaces/default/workflows", timeout=5) as answer:
            return {execution["type"]["name"] for execution in json.load(answer)["executions"]}

    poll(lambda: {"ExampleMessage", "MyFeatureMessage", "ReportMessage"} <= listed(), what="the Web UI's list")

    # and Ctrl-C ends it well
    kept.signal(signal.SIGINT)
    assert kept.wait() == 0


BROKEN = """
from gnosari_temporal.cli.demo import run
from gnosari_temporal.cli.main import main

async def wrong(stage, account, say):
    'One that goes wrong.'
    account.expect("one thing", 1, 2)

async def broken(stage, account, say):
    'One that breaks off.'
    raise LookupError("nothing there")

run.scenes = lambda: (wrong, broken)
main(["demo"])
"""


def test_what_did_not_go_as_told_is_named_and_ends_it_with_1(tmp_path: Path) -> None:
    # when
    ran = subprocess.run(
        [sys.executable, "-c", BROKEN],
        cwd=tmp_path,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    # then
    assert ran.returncode == 1
    assert "one thing: expected 1, found 2" in ran.stderr
    assert "One that breaks off.: expected that it happens, found LookupError: nothing there" in ran.stderr
    assert "0 of 2 expectations held" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_its_help_names_its_options(tmp_path: Path) -> None:
    ran = subprocess.run(
        [GNOSARI, "demo", "--help"], cwd=tmp_path, env=clean_environment({}), capture_output=True, text=True, check=True
    )

    assert "--keep" in ran.stdout
    assert "--json" in ran.stdout
