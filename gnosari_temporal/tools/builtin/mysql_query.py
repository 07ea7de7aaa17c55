"""MySQLQueryTool: the SQL tool with a MySQL server's parts in place of a URL."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, validate_call

from ...durations import PositiveDuration
from ..databases.engines import parse_url
from ..extras import needs_extra
from .sql_query import SQLQueryTool

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


class MySQLQueryTool(SQLQueryTool):
    """SQL against a MySQL or MariaDB server, read-only unless the team file says otherwise."""

    @validate_call
    def __init__(
        self,
        host: str = "localhost",
        port: Annotated[int, Field(gt=0, lt=65536)] = 3306,
        database: str = "",
        username: str = "",
        password: str = "",
        charset: str = "utf8mb4",
        read_only: bool | None = None,
        max_rows: Annotated[int, Field(gt=0)] = 1000,
        max_result_size: Annotated[int, Field(gt=0)] = 512 * 1024,
        query_timeout: PositiveDuration = timedelta(seconds=30),
        pool_size: int | None = None,
        max_overflow: int | None = None,
        pool_timeout: float | None = None,
        pool_recycle: float | None = None,
        echo: bool | None = None,
        tool_name: str = "mysql_query",
        tool_description: str = "Execute SQL queries against a MySQL database",
    ) -> None:
        """The server and who connects; the other arguments are those of the SQL tool."""
        super().__init__(
            "mysql://",
            read_only=read_only,
            max_rows=max_rows,
            max_result_size=max_result_size,
            query_timeout=query_timeout,
            tool_name=tool_name,
            tool_description=tool_description,
        )
        self.host = host
        self.port = port
        self.database = database
        self.username = username
        self.password = password
        self.charset = charset

    def url(self) -> URL:
        """The server's URL with an installed driver."""
        with needs_extra(self.name):
            from sqlalchemy.engine import URL
        driver = parse_url("mysql://", tool=self.name).drivername
        return URL.create(
            driver,
            username=self.username or None,
            password=self.password or None,
            host=self.host,
            port=self.port,
            database=self.database or None,
            query={"charset": self.charset},
        )
