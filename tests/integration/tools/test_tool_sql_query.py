"""The SQL tool on real SQLite files."""

import asyncio
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal.errors import ToolDefinitionError, ToolError, ToolInputError
from gnosari_temporal.tools import ToolCall, load_builtin, run_tool


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop's data.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, joined DATE, balance NUMERIC, photo BLOB);
            INSERT INTO customers VALUES (1, 'Ana; the first', '2024-01-02', 12.5, x'00ff');
            INSERT INTO customers (id, name) VALUES (2, 'Bo');
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, total REAL, key TEXT UNIQUE);
            INSERT INTO orders (customer, total) VALUES (1, 9.5), (1, 20), (2, 5);
            CREATE VIRTUAL TABLE notes USING fts5(body);
            INSERT INTO notes VALUES ('a quick note');
            """
        )
    connection.close()
    return path


@pytest.fixture
def tool(database: Path) -> Any:
    return load_builtin("sql_query", {"database_url": f"sqlite:///{database}"})


def content(path: Path) -> bytes:
    return path.read_bytes()


async def test_rows_come_back_with_their_columns(tool: Any) -> None:
    answer = await run_tool(tool, {"query": "SELECT id, name, photo FROM customers ORDER BY id;"})

    assert answer == {
        "columns": ["id", "name", "photo"],
        "rows": [
            {"id": 1, "name": "Ana; the first", "photo": "AP8="},
            {"id": 2, "name": "Bo", "photo": None},
        ],
        "row_count": 2,
        "truncated": False,
    }


async def test_values_go_as_parameters(tool: Any) -> None:
    answer = await run_tool(
        tool,
        {"query": "SELECT name FROM customers WHERE name = :name", "parameters": {"name": "Ana; the first"}},
    )
    nothing = await run_tool(
        tool, {"query": "SELECT name FROM customers WHERE name = :name", "parameters": {"name": "' OR 1=1 --"}}
    )

    assert answer["rows"] == [{"name": "Ana; the first"}]
    assert nothing["rows"] == []
    with pytest.raises(ToolInputError, match="name"):
        await run_tool(tool, {"query": "SELECT :name", "parameters": {"other": 1}})


async def test_colons_and_percent_signs_in_texts_are_left_alone(tool: Any) -> None:
    answer = await run_tool(tool, {"query": "SELECT 'a :b %s 12:30' AS said WHERE 'x' LIKE '%x%'"})

    assert answer["rows"] == [{"said": "a :b %s 12:30"}]


async def test_two_columns_of_one_name_are_told_apart(tool: Any) -> None:
    answer = await run_tool(
        tool, {"query": "SELECT c.id, o.id, o.id FROM customers c JOIN orders o ON o.customer = c.id LIMIT 1"}
    )

    assert answer["rows"] == [{"id": 1, "id_2": 1, "id_3": 1}]


async def test_rows_are_limited_in_number_and_size(database: Path) -> None:
    tool = load_builtin("sql_query", {"database_url": f"sqlite:///{database}", "max_rows": 10, "max_result_size": 500})
    counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i{} FROM n"

    many = await run_tool(tool, {"query": counting.format(""), "limit": 500})
    few = await run_tool(tool, {"query": counting.format(""), "limit": 3})
    wide = await run_tool(tool, {"query": counting.format(", hex(zeroblob(50))")})

    assert (many["row_count"], many["truncated"]) == (10, True)
    assert (few["row_count"], few["truncated"]) == (3, True)
    assert 0 < wide["row_count"] < 10
    assert len(json.dumps(wide["rows"])) < 1000


async def test_the_other_formats(tool: Any) -> None:
    query = "SELECT id, name FROM customers WHERE id = 2"

    assert (await run_tool(tool, {"query": query, "return_format": "raw"}))["rows"] == [[2, "Bo"]]
    table = (await run_tool(tool, {"query": query, "return_format": "table"}))["rows"]
    assert table.splitlines() == ["id | name", "---+-----", "2  | Bo  "]


WRITING = [
    "INSERT INTO customers (name) VALUES ('x')",
    "UPDATE customers SET name = 'x'",
    "DELETE FROM customers",
    "DROP TABLE customers",
    "CREATE TABLE x (a)",
    "CREATE TEMP TABLE x (a)",
    "ALTER TABLE customers ADD COLUMN x",
    "REPLACE INTO customers (id, name) VALUES (1, 'x')",
    "WITH x AS (SELECT 1) INSERT INTO customers (name) SELECT 'x' FROM x",
    "WITH x AS (SELECT 1) DELETE FROM customers",
    "/* SELECT */ DELETE FROM customers",
    "-- SELECT\nDELETE FROM customers",
    "INSERT INTO notes VALUES ('x')",
    "SELECT * FROM customers; DELETE FROM customers",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 7",
    "PRAGMA user_version(7)",
    "VACUUM",
    "REINDEX",
    "ANALYZE",
    "BEGIN IMMEDIATE",
    "EXPLAIN ANALYZE DELETE FROM customers",
    "SELECT load_extension('libc.so.6')",
    "SELECT fts3_tokenizer('simple', x'00')",
    "ATTACH DATABASE '{other}' AS other",
    "VACUUM INTO '{other}'",
    "VACUUM main INTO '{other}'",
    "DETACH DATABASE main",
]


@pytest.mark.parametrize("query", WRITING)
async def test_read_only_is_read_only(tool: Any, database: Path, tmp_path: Path, query: str) -> None:
    before = content(database)
    other = tmp_path / "other.db"

    with pytest.raises(ToolInputError):
        await run_tool(tool, {"query": query.format(other=other)})

    assert content(database) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [database.name]


async def test_the_database_enforces_it_too(tool: Any, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tool's own look at the statement, nothing is written all the same."""
    from gnosari_temporal.tools.databases import statements

    monkeypatch.setattr(statements, "_check_reads", lambda text, dialect: None)
    before = content(database)
    for query in WRITING:
        with pytest.raises(ToolInputError):
            await run_tool(tool, {"query": query.format(other=database.with_name("other.db"))})

    assert content(database) == before
    assert not database.with_name("other.db").exists()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n FROM customers",
        "  -- a comment\n /* another */ SELECT 1",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "VALUES (1), (2)",
        "EXPLAIN QUERY PLAN SELECT * FROM customers",
        "PRAGMA table_info(customers)",
        "PRAGMA user_version",
        "SELECT name FROM pragma_table_info('customers')",
        "SELECT body FROM notes WHERE notes MATCH 'quick'",
        "SELECT sql FROM sqlite_master",
        "SELECT json_extract('{\"a\": 1}', '$.a')",
    ],
)
async def test_what_reads_is_allowed(tool: Any, query: str) -> None:
    assert "rows" in await run_tool(tool, {"query": query})


class TestWriting:
    @pytest.fixture
    def writer(self, database: Path) -> Any:
        return load_builtin("sql_query", {"database_url": f"sqlite:///{database}", "read_only": False})

    async def test_writing_is_possible_where_the_team_file_says_so(self, writer: Any, database: Path) -> None:
        done = await run_tool(writer, {"query": "UPDATE orders SET total = 1 WHERE customer = 1"})

        assert done == {"rows_affected": 2}
        with sqlite3.connect(database) as connection:
            assert connection.execute("SELECT sum(total) FROM orders").fetchone() == (7.0,)

    async def test_rows_that_a_write_returns_come_back_and_stay_written(self, writer: Any, database: Path) -> None:
        answer = await run_tool(writer, {"query": "INSERT INTO customers (name) VALUES ('Cy') RETURNING id, name"})

        assert answer["rows"] == [{"id": 3, "name": "Cy"}]
        with sqlite3.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM customers").fetchone() == (3,)

    async def test_the_idempotency_key_makes_an_insert_happen_once(self, writer: Any, database: Path) -> None:
        query = "INSERT INTO orders (total, key) VALUES (:total, :idempotency_key) ON CONFLICT (key) DO NOTHING"
        for attempt in (1, 2):
            await run_tool(
                writer,
                {"query": query, "parameters": {"total": 3}},
                call=ToolCall("t", "call-1", attempt=attempt),
            )

        with sqlite3.connect(database) as connection:
            assert connection.execute("SELECT total, key FROM orders WHERE key NOT NULL").fetchall() == [
                (3.0, "call-1")
            ]

    async def test_other_files_and_settings_stay_out_of_reach(self, writer: Any, tmp_path: Path) -> None:
        for query in ("ATTACH DATABASE '{}' AS o", "VACUUM INTO '{}'", "PRAGMA writable_schema = ON"):
            with pytest.raises(ToolInputError):
                await run_tool(writer, {"query": query.format(tmp_path / "other.db")})

        assert not (tmp_path / "other.db").exists()

    async def test_gnosaris_word_for_it_works(self, database: Path) -> None:
        tool = load_builtin(
            "sql_query",
            {"database_url": f"sqlite:///{database}", "enable_unsafe_operations": True, "pool_size": 5, "echo": False},
        )
        await run_tool(tool, {"query": "DROP TABLE orders", "query_type": "DROP"})

        with pytest.raises(ToolInputError, match="no such table"):
            await run_tool(tool, {"query": "SELECT * FROM orders"})


async def test_a_statement_that_takes_too_long_is_ended(tool: Any) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    started = time.monotonic()

    with pytest.raises(ToolError, match=r"ended after 0\.3 s") as caught:
        await run_tool(tool, {"query": endless, "timeout": 0.3})

    assert time.monotonic() - started < 3
    assert not isinstance(caught.value, ValueError)


async def test_cancellation_ends_the_statement(tool: Any) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    task = asyncio.create_task(run_tool(tool, {"query": endless}))
    await asyncio.sleep(0.3)
    started = time.monotonic()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 5


async def test_a_value_of_gigabytes_is_refused(tool: Any) -> None:
    with pytest.raises(ToolInputError, match="too big"):
        await run_tool(tool, {"query": "SELECT randomblob(2000000000)"})


async def test_a_busy_database_can_be_retried(database: Path) -> None:
    tool = load_builtin("sql_query", {"database_url": f"sqlite:///{database}", "read_only": False})
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(ToolError, match="database is locked") as caught:
            await run_tool(tool, {"query": "DELETE FROM orders", "timeout": 20})
    finally:
        holder.close()

    assert not isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELEKT 1", "SELEKT is not a statement that reads"),
        ("SELECT FROM WHERE", "syntax error"),
        ("", "no SQL statement"),
        ("-- nothing", "no SQL statement"),
        (";;", "no SQL statement"),
        ("SELECT '\0'", "NUL"),
    ],
)
async def test_a_wrong_statement_is_answered_with_what_is_wrong(tool: Any, query: str, why: str) -> None:
    with pytest.raises(ToolInputError, match="query") as caught:
        await run_tool(tool, {"query": query})

    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def refused_url(url: str, **args: Any) -> Any:
    return load_builtin("sql_query", {"database_url": url, **args})


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("not a url", "is no database URL"),
        ("postgresql+asyncpg://u:p4ssw0rd@h/d", "leave '+asyncpg' out"),
        ("mysql+nothing://u:p4ssw0rd@h/d", "no driver for mysql+nothing is installed: pip install"),
        ("mssql://u:p4ssw0rd@h/d", "read-only cannot be enforced for mssql"),
        ("sqlite:///nowhere.db", "there is no database file 'nowhere.db'"),
        ("sqlite:///file:x.db?uri=true", "write sqlite:///path.db"),
    ],
)
async def test_a_url_that_cannot_work_is_explained_without_its_password(url: str, why: str) -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        await run_tool(refused_url(url), {"query": "SELECT 1"})

    assert why in str(caught.value)
    assert "p4ssw0rd" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "package"),
    [("postgresql://h/d", "psycopg[binary]"), ("mysql://h/d", "pymysql"), ("mariadb://h/d", "pymysql")],
)
async def test_a_missing_driver_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, url: str, package: str
) -> None:
    for name in ("psycopg", "psycopg2", "pg8000", "pymysql", "MySQLdb", "mysql"):
        monkeypatch.setitem(sys.modules, name, None)
    from gnosari_temporal.tools.databases import engines

    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(ToolDefinitionError, match="is installed: pip install") as caught:
        await run_tool(refused_url(url), {"query": "SELECT 1"})

    assert f"pip install '{package}'" in str(caught.value)


def test_args_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="read_only and enable_unsafe_operations are both true"):
        refused_url("sqlite://", read_only=True, enable_unsafe_operations=True)


async def test_what_is_bound_is_in_no_error(tool: Any) -> None:
    with pytest.raises(ToolInputError) as caught:
        await run_tool(tool, {"query": "SELECT nope(:v)", "parameters": {"v": "s3cr3t"}})

    assert "s3cr3t" not in str(caught.value)
