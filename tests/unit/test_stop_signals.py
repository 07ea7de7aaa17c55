"""The signals that end a worker, in a process of their own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, signal, sys, time
from gnosari_temporal.worker.signals import StopSignals

async def main(number, blocked):
    once = blocked == "once"
    with StopSignals(
        on_request=lambda: print("requested"), at_once=lambda: print("at once", flush=True), once=once
    ) as signals:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(signals.requested.wait(), 5)
        signals.request()
        await asyncio.sleep(0)
        if blocked != "free":
            os.kill(os.getpid(), number)
            time.sleep(0 if once else 5)
    print("restored", signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)

asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
"""


def run(number: signal.Signals, blocked: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(int(number)), blocked], capture_output=True, text=True, check=False
    )


def test_the_first_signal_is_a_request_and_handlers_are_put_back() -> None:
    ran = run(signal.SIGTERM, "free")

    assert (ran.returncode, ran.stdout) == (0, "requested\nrestored True\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_a_process_whose_loop_is_held_up(number: signal.Signals) -> None:
    ran = run(number, "blocked")

    assert ran.returncode == 128 + number
    assert ran.stdout.endswith("at once\n")


def test_the_second_signal_is_nothing_to_a_process_whose_supervisor_kills_it_if_need_be() -> None:
    ran = run(signal.SIGTERM, "once")

    assert (ran.returncode, ran.stdout) == (0, "requested\nrestored True\n")
