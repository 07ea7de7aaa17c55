"""The jobs for the engine: ``gnosari worker --module benchmarks.apps.gnosari`` runs them."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from gnosari_temporal import BaseConsumer, BaseMessage

from .work import SURVIVOR_STAYS, mark


class Double(BaseMessage):
    """A short job."""

    n: int


class DoubleConsumer(BaseConsumer):
    async def process(self, message: Double) -> int:
        return message.n * 2


class Hold(BaseMessage):
    """A job that holds its slot."""

    seconds: float
    path: str


class HoldConsumer(BaseConsumer):
    async def process(self, message: Hold) -> None:
        mark(message.path)
        await asyncio.sleep(message.seconds)


class Begin(BaseMessage):
    """A job that tells when it began."""


class BeginConsumer(BaseConsumer):
    async def process(self, message: Begin) -> float:
        return time.monotonic()


class Survive(BaseMessage):
    """A job whose worker is killed."""

    path: str


class SurviveConsumer(BaseConsumer):
    async def process(self, message: Survive) -> int:
        attempt = mark(message.path)
        if attempt == 1:
            await asyncio.sleep(SURVIVOR_STAYS)
        return attempt


class SurviveSooner(Survive):
    """The same, missed sooner."""


class SurviveSoonerConsumer(BaseConsumer):
    heartbeat_timeout = timedelta(seconds=2)

    async def process(self, message: SurviveSooner) -> int:
        attempt = mark(message.path)
        if attempt == 1:
            await asyncio.sleep(SURVIVOR_STAYS)
        return attempt
