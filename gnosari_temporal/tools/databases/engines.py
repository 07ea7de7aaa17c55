"""The engine: from a database URL to SQLAlchemy's engine, with a driver that is installed."""

from __future__ import annotations

import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ...errors import ToolDefinitionError
from ..extras import needs_extra

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Engine

_DRIVERS: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "postgresql": (
        ("psycopg", "psycopg", "psycopg[binary]"),
        ("psycopg2", "psycopg2", "psycopg2-binary"),
        ("pg8000", "pg8000", "pg8000"),
    ),
    "mysql": (
        ("pymysql", "pymysql", "pymysql"),
        ("mysqldb", "MySQLdb", "mysqlclient"),
        ("mysqlconnector", "mysql.connector", "mysql-connector-python"),
    ),
}
"""Of each database the drivers in order of choice: SQLAlchemy's name, the module, the package."""

_ASYNC_DRIVERS: Final = ("asyncpg", "aiosqlite", "aiomysql", "asyncmy", "psycopg_async")
READ_ONLY_DIALECTS: Final = ("sqlite", "postgresql", "mysql", "mariadb")
"""Databases for which read-only is enforced by the database itself."""

_MOST_BYTES_OF_A_VALUE = 10_000_000


def parse_url(text: str, *, tool: str) -> URL:
    """The URL, with a driver chosen if it names none.

    Raises:
        ToolDefinitionError: it is no database URL, or its driver is not installed; the URL itself, which may hold
            a password, is not shown.
    """
    with needs_extra(tool):
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ToolDefinitionError(
            f"{tool}: database_url is no database URL; write sqlite:///path.db, "
            "postgresql://user:password@host/name or mysql://user:password@host/name"
        ) from None
    if url.drivername == "postgres":
        url = url.set(drivername="postgresql")
    backend, _, driver = url.drivername.partition("+")
    if driver in _ASYNC_DRIVERS:
        raise ToolDefinitionError(
            f"{tool}: database_url names the asynchronous driver {driver!r}; leave '+{driver}' out"
        )
    known = _DRIVERS.get("mysql" if backend == "mariadb" else backend)
    if known is None:
        return url
    for name, module, _ in known:
        if driver in ("", name) and _installed(module):
            return url.set(drivername=f"{backend}+{name}")
    package = next((package for name, _, package in known if name == driver), known[0][2])
    raise ToolDefinitionError(
        f"{tool}: no driver for {backend}{f'+{driver}' if driver else ''} is installed: pip install '{package}'"
    )


def make_engine(url: URL, *, tool: str, read_only: bool, timeout: float) -> Engine:
    """An engine that opens one connection and keeps none. ``timeout`` is in seconds.

    Raises:
        ToolDefinitionError: there is no such SQLite file, or no such database or driver is known.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        return create_engine("sqlite://", creator=lambda: _open_sqlite(url, tool=tool, read_only=read_only), **options)
    try:
        return create_engine(url, connect_args=_connect_args(url.get_driver_name(), timeout), **options)
    except (SQLAlchemyError, ImportError) as error:
        raise ToolDefinitionError(f"{tool}: {url.drivername!r} in database_url cannot be used: {error}") from None


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the parent of a dotted name
        return False


def _connect_args(driver: str, timeout: float) -> dict[str, Any]:
    """How each driver is told to give up on a server that does not answer."""
    seconds = max(1, int(timeout) + 1)
    if driver in ("psycopg", "psycopg2"):
        return {"connect_timeout": seconds}
    if driver == "pg8000":
        return {"timeout": seconds + 5}
    if driver == "pymysql":
        return {"connect_timeout": seconds, "read_timeout": seconds + 5, "write_timeout": seconds + 5}
    if driver == "mysqldb":
        return {"connect_timeout": seconds, "read_timeout": seconds + 5}
    if driver == "mysqlconnector":
        return {"connection_timeout": seconds}
    return {}


def _open_sqlite(url: URL, *, tool: str, read_only: bool) -> sqlite3.Connection:
    name = url.database or ":memory:"
    if name == ":memory:":
        location = "file::memory:"
    elif name.startswith("file:"):
        raise ToolDefinitionError(f"{tool}: database_url has a file: URI; write sqlite:///path.db")
    else:
        path = Path(name)
        if read_only and not path.is_file():
            raise ToolDefinitionError(f"{tool}: database_url: there is no database file {name!r}")
        location = f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(location, uri=True, timeout=5, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES_OF_A_VALUE)
    return connection
