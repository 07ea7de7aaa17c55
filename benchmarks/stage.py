"""The stage of one benchmark: servers and systems that end with it, and a note of what is missing here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from .common import Section
from .processes import NotInstalled, our_server, redis, stock_server
from .systems import ByHand, CeleryOnRedis, Dbos, Engine, System

S = TypeVar("S", bound=System)

STOCK = "stock dev server"
OURS = "our server"
FILE = "our server, database file"


class Stage(AsyncExitStack):
    """Opens what a benchmark compares; an async context manager that closes it."""

    def __init__(self, section: Section) -> None:
        super().__init__()
        self._section = section

    async def stock(self) -> str:
        """A stock development server; its address."""
        return await self.enter_async_context(stock_server())

    async def ours(self, *, file: bool = False, config: Mapping[str, Any] | None = None) -> str:
        """An embedded server; its address."""
        return (await self.enter_async_context(our_server(file=file, config=config))).address

    async def by_hand(self, address: str, where: str, *options: str) -> ByHand:
        """A workflow and activity written by hand, on this server."""
        name = " ".join(["hand-written", *options])
        return self.add(await ByHand.at(address, f"{name}, {where}", *options))

    async def engine(self, address: str, where: str = OURS, *options: str) -> Engine:
        """The engine on this server."""
        name = " ".join(["gnosari_temporal", *options])
        return self.add(await Engine.at(address, f"{name}, {where}", *options))

    async def celery(self, *, visibility_timeout: float | None = None) -> CeleryOnRedis | None:
        """Celery on a Redis of its own; None if it cannot run here."""
        try:
            address = await self.enter_async_context(redis())
            return self.add(CeleryOnRedis(address, visibility_timeout=visibility_timeout))
        except NotInstalled as missing:
            self._section.missing.append(f"Celery on Redis: {missing}")
            return None

    async def dbos(self, *, polling: float = 1.0) -> Dbos | None:
        """DBOS on a store of its own; None if it cannot run here."""
        try:
            return self.add(await self.enter_async_context(Dbos.with_store(polling=polling)))
        except NotInstalled as missing:
            note = f"DBOS: {missing}"
            self._section.missing += [] if note in self._section.missing else [note]
            return None

    def add(self, system: S) -> S:
        """Note how it is set up, and close it at the end."""
        self._section.setups[system.name] = system.setup
        self.push_async_callback(system.close)
        return system
