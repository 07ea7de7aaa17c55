"""The pid file: how a worker of this machine is found again, never by searching for names.

Every worker writes ``.gnosari/workers/<pid>.json`` in its project's directory, foreground ones too. A file whose
process is gone, or whose number now belongs to another process, is stale and is removed when it is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path(".gnosari") / "workers"
_CLOCK_TOLERANCE = 2.0


class WorkerRecord(BaseModel):
    """What a pid file says of a worker process."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float
    """When the operating system started the process: tells it from a later one with the same number."""
    started_at: datetime
    arguments: tuple[str, ...] = ()
    """The options it was started with, for ``restart``."""
    identity: str = ""
    address: str = ""
    namespace: str = ""
    queues: tuple[str, ...] = ()
    processes: int = 1
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
    arguments: Sequence[str], *, address: str, namespace: str, queues: Sequence[str], processes: int, log: str
) -> WorkerRecord:
    """The record of the calling process."""
    return WorkerRecord(
        pid=os.getpid(),
        created=psutil.Process().create_time(),
        started_at=datetime.now(UTC),
        arguments=tuple(arguments),
        address=address,
        namespace=namespace,
        queues=tuple(queues),
        processes=processes,
        detached=bool(log),
        log=log,
    )


@contextlib.contextmanager
def written(project: Path, record: WorkerRecord) -> Iterator[Path | None]:
    """Keep a pid file while the worker runs; one that cannot be written is said and not fatal."""
    path = folder(project) / f"{record.pid}.json"
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
        path.unlink(missing_ok=True)


def read_records(project: Path) -> list[WorkerRecord]:
    """The workers of a project that are alive on this machine, oldest first; stale files are removed."""
    records = []
    for path in sorted(folder(project).glob("*.json")):
        try:
            record = WorkerRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError):
            path.unlink(missing_ok=True)
            continue
        if record.alive:
            records.append(record)
        else:
            path.unlink(missing_ok=True)
    return sorted(records, key=lambda record: record.started_at)
