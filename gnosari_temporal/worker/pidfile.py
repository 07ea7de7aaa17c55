"""The pid file: how a worker of this machine is found again, never by searching for names.

Every worker writes ``.gnosari/workers/<host>-<pid>.json`` in its project's directory, foreground ones too. A file whose
process is gone, or whose number now belongs to another process, is stale and is removed when it is read. Those of other
machines and containers that share the directory are left alone: a process id says nothing elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from ..settings import Settings

FOLDER = Path(".gnosari") / "workers"
_CLOCK_TOLERANCE = 2.0
_HOST = socket.gethostname() if sys.platform == "linux" else ""
"""Tells containers apart. Elsewhere there are none, and a machine's name may change with its network."""


class Kind(StrEnum):
    """How a worker was started, which says how it is started again."""

    WORKER = "worker"
    """``gnosari worker``."""
    UP = "up"
    """Part of ``gnosari up``, with the server."""
    WATCHED = "watched"
    """Under a ``--watch``, which starts it."""


class WorkerRecord(BaseModel):
    """What a pid file says of a worker process."""

    model_config = ConfigDict(frozen=True)

    pid: int
    host: str = ""
    kind: Kind = Kind.WORKER
    created: float
    """When the operating system started the process: tells it from a later one with the same number."""
    started_at: datetime
    arguments: tuple[str, ...] = ()
    """The options it was started with, for ``restart``."""
    address: str = ""
    namespace: str = ""
    queues: tuple[str, ...] = ()
    processes: int = 1
    grace: timedelta = timedelta(seconds=30)
    """How long its running jobs may go on when it is stopped."""
    detached: bool = False
    log: str = ""
    """File of its output, if it is detached."""

    @property
    def alive(self) -> bool:
        """Whether this very process is there."""
        try:
            process = psutil.Process(self.pid)
            running = process.status() != psutil.STATUS_ZOMBIE
            return running and abs(process.create_time() - self.created) < _CLOCK_TOLERANCE
        except psutil.Error:
            return False

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the process and its worker processes."""
        total = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            for part in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += part.memory_info().rss
        return total


def folder(project: Path) -> Path:
    """Where the pid files of a project are."""
    return project / FOLDER


def record_of_this_process(
    settings: Settings, arguments: Sequence[str], *, kind: Kind = Kind.WORKER, log: Path | None = None
) -> WorkerRecord:
    """The record of the calling process; ``log`` is the file of its output, if it is detached."""
    return WorkerRecord(
        pid=os.getpid(),
        host=_HOST,
        kind=kind,
        created=psutil.Process().create_time(),
        started_at=datetime.now(UTC),
        arguments=tuple(arguments),
        address=settings.address,
        namespace=settings.namespace,
        queues=settings.queues,
        processes=settings.processes,
        grace=settings.grace,
        detached=log is not None,
        log=str(log or ""),
    )


@contextlib.contextmanager
def written(project: Path, record: WorkerRecord) -> Iterator[Path | None]:
    """Keep a pid file while the worker runs; one that cannot be written is said and not fatal."""
    path = folder(project) / f"{record.host}-{record.pid}.json".lstrip("-")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        print(f"no pid file, so `gnosari worker stop` will not find this worker: {error}", file=sys.stderr)
        yield None
        return
    try:
        yield path
    finally:
        _remove(path)


def read_records(project: Path) -> list[WorkerRecord]:
    """The workers of a project that are alive on this machine, oldest first; stale files are removed."""
    records = []
    for path in sorted(folder(project).glob("*.json")):
        try:
            record = WorkerRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except OSError:
            continue  # it has just ended, or is another user's
        except ValueError:
            _remove(path)
            continue
        if record.host != _HOST:
            continue
        if record.alive:
            records.append(record)
        else:
            _remove(path)
    return sorted(records, key=lambda record: record.started_at)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # in a directory that is not ours it stays
        path.unlink(missing_ok=True)
