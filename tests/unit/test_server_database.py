"""The database file of an embedded server: checks, lock and tidying, on real SQLite files."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gnosari_temporal.errors import ServerStartFailed
from gnosari_temporal.server.database import Database

INSTALLED = (1, 32, 0)


def _written_by(path: Path, version: int) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE namespaces (id TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    return path


def test_a_missing_directory_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ServerStartFailed, match=r"no directory .*/nowhere; create it, or choose .* --db"):
        Database(tmp_path / "nowhere" / "jobs.db").lock()


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(ServerStartFailed, match="is not a file"):
        Database(tmp_path).lock()


def test_a_file_in_use_is_an_error_that_says_by_whom(tmp_path: Path) -> None:
    first, second = Database(tmp_path / "jobs.db"), Database(tmp_path / "jobs.db")
    first.lock()
    try:
        with pytest.raises(ServerStartFailed, match=rf"in use by another server \(started by process {os.getpid()}\)"):
            second.lock()
    finally:
        first.release()


def test_a_file_let_go_of_can_be_locked_again(tmp_path: Path) -> None:
    first, second = Database(tmp_path / "jobs.db"), Database(tmp_path / "jobs.db")
    first.lock()
    first.release()
    second.lock()
    second.release()


def test_the_lock_of_one_that_removed_it_meanwhile_is_taken_anew(tmp_path: Path) -> None:
    leaving, coming = Database(tmp_path / "jobs.db"), Database(tmp_path / "jobs.db")
    leaving.lock()
    (tmp_path / "jobs.db.lock").unlink()
    coming.lock()
    coming.release()
    leaving.release()


def test_a_file_of_a_newer_server_is_refused(tmp_path: Path) -> None:
    database = Database(_written_by(tmp_path / "jobs.db", 1_033_000))
    with pytest.raises(ServerStartFailed, match=r"by Temporal server 1\.33\.0, newer than the installed 1\.32\.0"):
        database.check(lambda: INSTALLED)


@pytest.mark.parametrize("version", [1_031_002, 1_032_000, 1_032_004, 0])
def test_a_file_of_the_same_or_an_older_server_is_accepted(tmp_path: Path, version: int) -> None:
    Database(_written_by(tmp_path / "jobs.db", version)).check(lambda: INSTALLED)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.write_text("something else, and long enough to have the place of a header" * 10)
    with pytest.raises(ServerStartFailed, match="file is not a database"):
        Database(path).check(lambda: INSTALLED)


def test_an_empty_file_is_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.touch()
    Database(path).check(lambda: INSTALLED)
    assert not path.exists()


def test_tidying_leaves_one_complete_file_with_the_servers_version(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE namespaces (id TEXT)")
    connection.commit()
    assert (tmp_path / "jobs.db-wal").stat().st_size > 0

    Database(path).tidy(INSTALLED)
    assert not (tmp_path / "jobs.db-wal").stat().st_size
    connection.close()

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["jobs.db"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1_032_000,)
