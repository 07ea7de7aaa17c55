"""The guards of a connection: read-only enforced by the database, and an end to statements that take too long."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_STEPS_BETWEEN_LOOKS: Final = 10_000

# Actions of SQLite's authorizer that have no constant in the sqlite3 module's older versions are all there since 3.11.
_ALWAYS_DENIED: Final = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
_READING: Final = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION,
)
_SCHEMA_TABLES: Final = ("sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema")
_LOOKING_PRAGMAS: Final = (
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
)
_ASKING_PRAGMAS: Final = ("data_version", "encoding", "page_count", "page_size", "schema_version", "user_version")


def guard(connection: Connection, *, read_only: bool, timeout: float, stop: threading.Event) -> None:
    """Put the guards on a fresh connection, before its first statement. ``timeout`` is in seconds.

    ``stop`` ends a running SQLite statement early; servers end theirs by the timeout.
    """
    dialect = connection.dialect.name
    if dialect == "sqlite":
        _guard_sqlite(connection.connection.driver_connection, read_only, timeout, stop)
    elif dialect == "postgresql":
        if read_only:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        milliseconds = max(1, int(timeout * 1000))
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
    elif dialect in ("mysql", "mariadb"):
        _guard_mysql(connection, read_only, timeout)


def _guard_sqlite(raw: Any, read_only: bool, timeout: float, stop: threading.Event) -> None:
    """SQLite: the file is opened read-only already; here statements that would get round it are denied."""
    if read_only:
        raw.execute("PRAGMA query_only = ON")
    deadline = time.monotonic() + timeout

    def interrupt() -> int:
        return int(stop.is_set() or time.monotonic() > deadline)

    raw.set_progress_handler(interrupt, _STEPS_BETWEEN_LOOKS)
    raw.set_authorizer(_authorizer(read_only))


def _authorizer(
    read_only: bool,
) -> Callable[[int, str | None, str | None, str | None, str | None], int]:
    """Deny other files (ATTACH, VACUUM INTO), settings and extensions; read-only, everything that is no reading."""

    def decide(action: int, one: str | None, two: str | None, base: str | None, inner: str | None) -> int:
        if action in _ALWAYS_DENIED:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA:
            looks = one in _LOOKING_PRAGMAS or (one in _ASKING_PRAGMAS and two is None)
            return sqlite3.SQLITE_OK if looks else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION and two in ("load_extension", "fts3_tokenizer"):
            return sqlite3.SQLITE_DENY
        # Opening a virtual table (FTS5, say) declares its columns, which looks like a change of the schema.
        declares = action == sqlite3.SQLITE_UPDATE and one in _SCHEMA_TABLES
        if read_only and action not in _READING and not declares:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    return decide


def _guard_mysql(connection: Connection, read_only: bool, timeout: float) -> None:
    if getattr(connection.dialect, "is_mariadb", False):
        connection.exec_driver_sql(f"SET SESSION max_statement_time = {timeout:.3f}")
    else:
        connection.exec_driver_sql(f"SET SESSION max_execution_time = {max(1, int(timeout * 1000))}")
    connection.exec_driver_sql(f"SET SESSION innodb_lock_wait_timeout = {max(1, int(timeout))}")
    if read_only:
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.exec_driver_sql("START TRANSACTION READ ONLY")
