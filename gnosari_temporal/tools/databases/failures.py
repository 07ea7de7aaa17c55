"""What a database refused: the caller's fault, a statement out of time, or something that may pass."""

from __future__ import annotations

from typing import Any, Final

from ...errors import ToolError, ToolInputError

_SQLITE_PASSING: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN")
_SQLITE_DENIED: Final = ("SQLITE_READONLY", "SQLITE_AUTH")
_MYSQL_TIMED_OUT: Final = (1969, 3024)
_MYSQL_READ_ONLY: Final = (1792,)
_POSTGRES_PASSING: Final = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE: connection, rollback, resources, locks, operators, the system, the server's own faults."""
_POSTGRES_CANCELLED: Final = "57014"
_POSTGRES_READ_ONLY: Final = "25006"
_LONGEST = 300


def explain_failure(error: Any, *, tool: str, timeout: float, read_only: bool) -> ToolError:
    """The error to raise for SQLAlchemy's ``error``: ToolInputError where another attempt would not help.

    Neither the parameters nor the URL are in it.
    """
    cause = getattr(error, "orig", None) or error
    said = " ".join(str(cause).split())[:_LONGEST] or type(cause).__name__
    code = _code(cause)
    if code in (_POSTGRES_CANCELLED, *_MYSQL_TIMED_OUT, "SQLITE_INTERRUPT"):
        return ToolError(f"{tool}: the statement was ended after {timeout:g} s; ask for less, or raise timeout")
    denied = code in (_POSTGRES_READ_ONLY, *_MYSQL_READ_ONLY) or _starts(code, _SQLITE_DENIED)
    if denied:
        remedy = "; the tool is read-only unless read_only: false is set in its args" if read_only else ""
        return ToolInputError(f"query: refused by the database: {said}{remedy}", fields=("query",))
    if _is_the_callers(error, code):
        return ToolInputError(f"query: {said}", fields=("query",))
    return ToolError(f"{tool}: the database failed: {said}")


def _is_the_callers(error: Any, code: Any) -> bool:
    from sqlalchemy import exc

    if isinstance(code, str):
        return not _starts(code, _SQLITE_PASSING if code.startswith("SQLITE_") else _POSTGRES_PASSING)
    return isinstance(error, exc.DataError | exc.ProgrammingError | exc.IntegrityError | exc.StatementError) and (
        not isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError)
    )


def _code(cause: Any) -> Any:
    """What the driver knows the error by: SQLite's name, PostgreSQL's SQLSTATE, MySQL's number."""
    first = cause.args[0] if getattr(cause, "args", ()) else None
    if isinstance(first, int):
        return first
    if isinstance(first, dict):  # pg8000
        return first.get("C")
    found = (getattr(cause, name, None) for name in ("sqlite_errorname", "sqlstate", "pgcode"))
    return next((code for code in found if code), None)


def _starts(code: Any, names: tuple[str, ...]) -> bool:
    return isinstance(code, str) and code.startswith(names)
