"""SQLQueryTool: SQL statements against SQLite, PostgreSQL or MySQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, validate_call

from ...durations import PositiveDuration, parse_duration
from ...errors import ToolDefinitionError
from ..base import BaseTool, jsonable
from ..context import current_call
from ..databases.engines import READ_ONLY_DIALECTS, make_engine, parse_url
from ..databases.failures import explain_failure
from ..databases.guards import guard
from ..databases.statements import STREAMED, check_statement, first_word
from ..extras import needs_extra
from ..threads import in_thread

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, CursorResult


class SQLQuery(BaseModel):
    """The arguments of one statement."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(description="One SQL statement; values are written :name and given in parameters")
    parameters: dict[str, Any] | None = Field(default=None, description="Values of the statement's :names")
    limit: int | None = Field(default=None, gt=0, description="Most rows to return")
    timeout: float | None = Field(default=None, gt=0, description="Seconds, at most the tool's own timeout")
    return_format: Literal["json", "table", "raw"] = Field(
        default="json", description="json: rows as objects; raw: rows as lists; table: text"
    )
    query_type: str | None = Field(default=None, description="Not needed; accepted for older prompts")


class SQLQueryTool(BaseTool[SQLQuery, dict[str, Any]]):
    """SQL against a database, read-only unless the team file says otherwise.

    Read-only is enforced by the database: SQLite's file is opened for reading and what would get round that is
    denied, PostgreSQL and MySQL run the statement in a read-only transaction. Functions with effects outside of
    the transaction are a matter of the database user's rights: give it few. With ``read_only: false`` a
    statement can name ``:idempotency_key``, the same on every attempt of the call.
    """

    @validate_call
    def __init__(
        self,
        database_url: str,
        read_only: bool | None = None,
        max_rows: Annotated[int, Field(gt=0)] = 1000,
        max_result_size: Annotated[int, Field(gt=0)] = 512 * 1024,
        query_timeout: PositiveDuration = timedelta(seconds=30),
        enable_unsafe_operations: bool = False,
        pool_size: int | None = None,
        max_overflow: int | None = None,
        pool_timeout: float | None = None,
        pool_recycle: float | None = None,
        echo: bool | None = None,
        tool_name: str = "sql_query",
        tool_description: str = "Execute SQL queries against a database",
    ) -> None:
        """``database_url``: ``sqlite:///data.db``, ``postgresql://user:${PASSWORD}@host/name``, ``mysql://…``.

        ``read_only`` is true by default; Gnosari's ``enable_unsafe_operations: true`` means false. At most
        ``max_rows`` rows and ``max_result_size`` bytes come back. ``query_timeout`` is the longest that a
        statement may take, a number is seconds. The arguments of Gnosari's connection pool and ``echo`` are
        accepted and have no effect: a call has one connection of its own.

        Raises:
            ToolDefinitionError: these don't go together.
        """
        super().__init__(tool_name, tool_description, SQLQuery)
        if read_only and enable_unsafe_operations:
            raise ToolDefinitionError(
                f"{tool_name}: read_only and enable_unsafe_operations are both true; drop one of them"
            )
        self.database_url = database_url
        self.read_only = not enable_unsafe_operations if read_only is None else read_only
        self.max_rows = max_rows
        self.max_result_size = max_result_size
        self.query_timeout = query_timeout

    async def run(self, input_data: SQLQuery) -> dict[str, Any]:
        """Run the statement.

        Raises:
            ToolInputError: the statement is refused, by the tool or by the database.
            ToolError: the database cannot be reached, is busy, or the statement took too long.
            ToolDefinitionError: the URL or its driver cannot be used.
        """
        stop = threading.Event()
        return await in_thread(lambda: self._run(input_data, stop), on_cancel=stop.set)

    def url(self) -> URL:
        """The database's URL with its driver."""
        return parse_url(self.database_url, tool=self.name)

    def _run(self, wanted: SQLQuery, stop: threading.Event) -> dict[str, Any]:
        with needs_extra(self.name):
            from sqlalchemy.exc import SQLAlchemyError
        url = self.url()
        dialect = url.get_backend_name()
        if self.read_only and dialect not in READ_ONLY_DIALECTS:
            raise ToolDefinitionError(
                f"{self.name}: read-only cannot be enforced for {dialect}; set read_only: false and give the "
                "database user no right to write"
            )
        query = check_statement(wanted.query, dialect=dialect, read_only=self.read_only)
        timeout = self._timeout(wanted)
        engine = make_engine(url, tool=self.name, read_only=self.read_only, timeout=timeout)
        try:
            with engine.connect() as connection:
                guard(connection, read_only=self.read_only, timeout=timeout, stop=stop)
                return self._execute(connection, query, wanted)
        except SQLAlchemyError as error:
            raise explain_failure(error, tool=self.name, timeout=timeout, read_only=self.read_only) from error
        finally:
            engine.dispose()

    def _execute(self, connection: Connection, query: str, wanted: SQLQuery) -> dict[str, Any]:
        result = _send(connection, query, self._parameters(query, wanted))
        if not result.returns_rows:
            affected = result.rowcount
            self._end(connection)
            return {"rows_affected": max(affected, 0)}
        columns = _distinct(list(result.keys()))
        limit = min(wanted.limit or self.max_rows, self.max_rows)
        streaming = connection.dialect.name in ("mysql", "mariadb")
        try:
            rows, truncated = self._fetch(result, limit)
        except BaseException:
            if streaming:
                _drop(connection, result)
            raise
        if truncated and streaming and self.read_only:
            _drop(connection, result)
        else:
            result.close()
            self._end(connection)
        return {
            "columns": columns,
            "rows": _formatted(columns, rows, wanted.return_format),
            "row_count": len(rows),
            "truncated": truncated,
        }

    def _fetch(self, result: CursorResult[Any], limit: int) -> tuple[list[list[Any]], bool]:
        rows: list[list[Any]] = []
        size = 0
        for row in _one_by_one(result):
            values = jsonable(list(row))
            size += len(json.dumps(values, ensure_ascii=False).encode())
            if len(rows) == limit or size > self.max_result_size:
                return rows, True
            rows.append(values)
        return rows, False

    def _end(self, connection: Connection) -> None:
        if self.read_only:
            connection.rollback()
        else:
            connection.commit()

    def _parameters(self, query: str, wanted: SQLQuery) -> dict[str, Any]:
        values = dict(wanted.parameters or {})
        call = current_call()
        if ":idempotency_key" in query and call is not None:
            values["idempotency_key"] = call.idempotency_key
        return values

    def _timeout(self, wanted: SQLQuery) -> float:
        longest = self.query_timeout
        chosen = longest if wanted.timeout is None else min(parse_duration(wanted.timeout), longest)
        return chosen.total_seconds()


def _send(connection: Connection, query: str, parameters: dict[str, Any]) -> CursorResult[Any]:
    """Run the statement; without parameters it goes to the driver as it is, colons and percent signs and all."""
    from sqlalchemy import text

    streamed = first_word(query) in STREAMED and connection.dialect.name != "sqlite"
    connection = connection.execution_options(stream_results=streamed, max_row_buffer=100)
    if parameters:
        return connection.execute(text(query), parameters)
    return connection.execution_options(no_parameters=True).exec_driver_sql(query)


def _drop(connection: Connection, result: CursorResult[Any]) -> None:
    """Leave a MySQL result where it is. Closing its cursor would first read all the rows that are left."""
    unread: Any = getattr(result.cursor, "_result", None)
    if unread is not None and hasattr(unread, "unbuffered_active"):
        unread.unbuffered_active = False  # PyMySQL reads on, even when collected as garbage, while this is true
    connection.invalidate()


def _one_by_one(result: CursorResult[Any]) -> Iterator[Any]:
    while (row := result.fetchone()) is not None:
        yield row


def _distinct(names: list[str]) -> list[str]:
    """Column names of which each is another one: the second ``id`` of a join is ``id_2``."""
    found: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found


def _formatted(columns: list[str], rows: list[list[Any]], form: str) -> Any:
    if form == "raw":
        return rows
    if form == "json":
        return [dict(zip(columns, row, strict=True)) for row in rows]
    lines = [columns, *(["" if value is None else str(value) for value in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    drawn = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join((drawn[0], "-+-".join("-" * width for width in widths), *drawn[1:]))
