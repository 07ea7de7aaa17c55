"""The run of the demo: the scenes one after another, then the account of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time

from .. import logs
from ..output import chatter
from .account import Account
from .scenes import Scene, scenes
from .show import show_account, show_json
from .stage import Stage, open_stage

logger = logging.getLogger(__name__)


def run_demo(*, keep: bool, as_json: bool, debug: bool) -> bool:
    """Play the demo and show what happened; whether all went as told.

    Raises:
        ServerNotInstalled, ServerStartFailed: there is no server to be had.
    """
    logs.set_up("debug" if debug else "critical", debug=debug)
    return asyncio.run(_run(keep=keep, as_json=as_json))


async def _run(*, keep: bool, as_json: bool) -> bool:
    began = time.monotonic()
    account = Account()
    async with open_stage(logs.runtime()) as stage:
        chatter(f"A Temporal server at {stage.server.address}, its Web UI at {stage.server.ui_address}\n")
        for scene in scenes():
            await _play(scene, stage, account)
        if as_json:
            show_json(account, stage, time.monotonic() - began)
        else:
            show_account(account, time.monotonic() - began)
        if not keep:
            chatter("The server ends now; `gnosari demo --keep` leaves it and its Web UI up.")
        else:
            await _until_interrupted(stage)
    return account.ok


async def _play(scene: Scene, stage: Stage, account: Account) -> None:
    try:
        await scene(stage, account, chatter)
    except Exception as error:
        logger.debug("a scene broke off", exc_info=True)
        title = (scene.__doc__ or "").splitlines()[0]
        account.expect(title, "that it happens", f"{type(error).__name__}: {error}")


async def _until_interrupted(stage: Stage) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    chatter(
        f"\nThe server and the worker stay up until Ctrl-C. Web UI: {stage.server.ui_address}\n"
        f"From another terminal: TEMPORAL_ADDRESS={stage.server.address} gnosari job list"
    )
    waits = {asyncio.ensure_future(interrupted.wait()), asyncio.ensure_future(stage.server.wait())}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await wait
