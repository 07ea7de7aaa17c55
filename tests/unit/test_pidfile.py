"""The pid file: whose it is, when it is stale, and where it cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from gnosari_temporal import Settings
from gnosari_temporal.worker import pidfile
from gnosari_temporal.worker.pidfile import Kind, WorkerRecord, folder, read_records, record_of_this_process, written


@pytest.fixture
def settings() -> Settings:
    return Settings(queues=("a", "b=2"), processes=3, grace=timedelta(minutes=5))


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no worker of ours."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def files(project: Path) -> list[Path]:
    return sorted(folder(project).glob("*"))


def test_a_worker_is_found_while_it_runs_with_what_it_was_started_with(tmp_path: Path, settings: Settings) -> None:
    record = record_of_this_process(settings, ["--concurrency", "4"], log=tmp_path / "log")
    with written(tmp_path, record) as path:
        assert path is not None
        assert read_records(tmp_path) == [record]
        (found,) = read_records(tmp_path)
        assert (found.pid, found.arguments, found.queues) == (os.getpid(), ("--concurrency", "4"), ("a", "b=2"))
        assert (found.processes, found.grace, found.kind) == (3, timedelta(minutes=5), Kind.WORKER)
        assert found.detached
        assert found.memory_bytes > 1_000_000
    assert files(tmp_path) == []


def test_a_number_that_belongs_to_another_process_now_is_stale(
    tmp_path: Path, settings: Settings, sleeper: subprocess.Popen[bytes]
) -> None:
    record = record_of_this_process(settings, []).model_copy(update={"pid": sleeper.pid})
    with written(tmp_path, record.model_copy(update={"created": record.created - 60})):
        assert read_records(tmp_path) == []
        assert files(tmp_path) == []
    created = psutil.Process(sleeper.pid).create_time()
    with written(tmp_path, record.model_copy(update={"created": created})):
        assert [found.pid for found in read_records(tmp_path)] == [sleeper.pid]


def test_what_another_container_wrote_in_the_same_directory_is_left_alone(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pidfile, "_HOST", "one")
    with written(tmp_path, record_of_this_process(settings, [])):
        monkeypatch.setattr(pidfile, "_HOST", "other")
        with written(tmp_path, record_of_this_process(settings, [])):
            assert [record.host for record in read_records(tmp_path)] == ["other"]
            assert len(files(tmp_path)) == 2
        assert [path.name for path in files(tmp_path)] == [f"one-{os.getpid()}.json"]


def test_a_file_that_is_no_record_is_removed_and_an_unreadable_one_is_not(tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    (folder(tmp_path) / "1.json").write_text("{")
    (folder(tmp_path) / "2.json").write_text('{"pid": "two"}')
    unreadable = folder(tmp_path) / "3.json"
    unreadable.mkdir()
    assert read_records(tmp_path) == []
    assert files(tmp_path) == [unreadable]


def test_a_place_that_cannot_be_written_is_said_and_stops_no_worker(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".gnosari").write_text("a file where the folder would be")
    with written(tmp_path, record_of_this_process(settings, [])) as path:
        assert path is None
        assert read_records(tmp_path) == []
    assert "`gnosari worker stop` will not find this worker" in capsys.readouterr().err


def test_a_stale_file_that_cannot_be_removed_is_passed_over(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    stale = WorkerRecord(pid=os.getpid(), host=pidfile._HOST, created=0.0, started_at=datetime.now(UTC))
    with written(tmp_path, stale):
        monkeypatch.setattr(Path, "unlink", refused)
        assert read_records(tmp_path) == []
    assert len(files(tmp_path)) == 1
