"""The SQL tool on real servers: PostgreSQL and MariaDB, where their programs and drivers are installed."""

import importlib.util
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from database_servers import SERVERS
from sqlalchemy import create_engine, make_url, text

from gnosari_temporal.errors import ToolError, ToolInputError
from gnosari_temporal.tools import load_builtin, run_tool


@pytest.fixture(scope="module", params=list(SERVERS))
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    programs, driver, start = SERVERS[request.param]
    if missing := [name for name in programs if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} not on the path")
    if importlib.util.find_spec(driver) is None:
        pytest.skip(f"the driver {driver} is not installed")
    with start() as address:  # type: ignore[attr-defined]
        _wait_until_ready(address)
        admin = create_engine(_with_driver(address))
        with admin.begin() as connection:
            if request.param == "mariadb":
                connection.execute(text("CREATE DATABASE shop"))
        admin.dispose()
        shop = address.replace("/mysql", "/shop")
        engine = create_engine(_with_driver(shop))
        with engine.begin() as connection:
            if request.param == "postgresql":
                connection.execute(text("CREATE SEQUENCE numbers"))
            connection.execute(text("CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(50))"))
            connection.execute(text("INSERT INTO items VALUES (1, 'anvil'), (2, 'bolt; nut')"))
        engine.dispose()
        yield shop


def _with_driver(address: str) -> str:
    return address.replace("postgresql://", "postgresql+psycopg://")


def _wait_until_ready(address: str) -> None:
    engine = create_engine(_with_driver(address))
    deadline = time.monotonic() + 30
    while True:
        try:
            with engine.connect():
                break
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    engine.dispose()


@pytest.fixture
def tool(url: str) -> Any:
    return load_builtin("sql_query", {"database_url": url})


def items(url: str) -> list[tuple[int, str]]:
    engine = create_engine(_with_driver(url))
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text("SELECT id, name FROM items ORDER BY id"))]
    engine.dispose()
    return rows  # type: ignore[return-value]


ITEMS = [(1, "anvil"), (2, "bolt; nut")]


async def test_rows_come_back(tool: Any) -> None:
    answer = await run_tool(
        tool, {"query": "SELECT id, name FROM items WHERE name = :name", "parameters": {"name": "bolt; nut"}}
    )
    plain = await run_tool(tool, {"query": "SELECT 'a :b 100%' AS said;"})

    assert answer["rows"] == [{"id": 2, "name": "bolt; nut"}]
    assert plain["rows"] == [{"said": "a :b 100%"}]


COMMON = [
    "INSERT INTO items VALUES (3, 'x')",
    "DELETE FROM items",
    "DROP TABLE items",
    "CREATE TABLE more (a INT)",
    "SELECT 1; DELETE FROM items",
    "SELECT 1; COMMIT; DELETE FROM items",
    "COMMIT; DELETE FROM items",
    "SELECT ';'; DELETE FROM items",
    "SET SESSION TRANSACTION READ WRITE",
    "BEGIN",
    "/* SELECT */ DELETE FROM items",
]
OF_ONE_SERVER = {
    "postgresql": [
        "WITH gone AS (DELETE FROM items RETURNING id) SELECT * FROM gone",
        "SELECT id INTO copied FROM items",
        "EXPLAIN ANALYZE DELETE FROM items",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SET TRANSACTION READ WRITE",
        "COPY items TO PROGRAM 'true'",
        "COPY items FROM '/etc/passwd'",
        "DO $$ BEGIN DELETE FROM items; END $$",
        "SELECT nextval('numbers')",
        "LOCK TABLE items",
    ],
    "mysql": [
        "SELECT * FROM items INTO OUTFILE '/tmp/out-of-the-database'",
        "SELECT name INTO/**/DUMPFILE '/tmp/out-of-the-database' FROM items LIMIT 1",
        "SELECT load_file('/etc/passwd')",
        "SELECT 1 /*! INTO OUTFILE '/tmp/out-of-the-database' */",
        "SELECT 1 /*!50000 ; DELETE FROM items */",
        "SELECT 1 /*M! INTO OUTFILE '/tmp/out-of-the-database' */",
        "EXPLAIN DELETE FROM items; DELETE FROM items",
        "ANALYZE DELETE FROM items",
        "START TRANSACTION READ WRITE",
        "HANDLER items OPEN",
        "WITH x AS (SELECT 1) DELETE FROM items",
        "REPLACE INTO items VALUES (1, 'x')",
    ],
}


async def test_read_only_is_read_only(tool: Any, url: str) -> None:
    for query in COMMON + OF_ONE_SERVER[make_url(url).get_backend_name()]:
        with pytest.raises(ToolInputError):
            await run_tool(tool, {"query": query})
        assert items(url) == ITEMS, query


async def test_the_server_enforces_it_too(tool: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tool's own look at the statement, the transaction refuses to write all the same."""
    from gnosari_temporal.tools.databases import statements

    monkeypatch.setattr(statements, "_check_reads", lambda text, dialect: None)
    writing = [
        "INSERT INTO items VALUES (3, 'x')",
        "DELETE FROM items",
        "UPDATE items SET name = 'x'",
        "DROP TABLE items",
    ]
    for query in writing:
        with pytest.raises(ToolInputError, match=r"refused by the database: .*(?i:read.only)"):
            await run_tool(tool, {"query": query})

    assert items(url) == ITEMS


async def test_what_a_function_did_in_the_transaction_is_rolled_back(tool: Any, url: str) -> None:
    if make_url(url).get_backend_name() != "postgresql":
        pytest.skip("PostgreSQL 15 lets lo_create() run in a read-only transaction")
    with suppress(ToolInputError):  # from 16 on it refuses
        await run_tool(tool, {"query": "SELECT lo_create(4711)"})

    answer = await run_tool(tool, {"query": "SELECT count(*) AS n FROM pg_largeobject_metadata"})

    assert answer["rows"] == [{"n": 0}]


async def test_a_table_of_a_hundred_million_rows_gives_the_first_ones_at_once(tool: Any, url: str) -> None:
    query = {
        "postgresql": "SELECT generate_series(1, 100000000) AS i",
        "mysql": "SELECT seq FROM seq_1_to_100000000",
    }[make_url(url).get_backend_name()]
    started = time.monotonic()

    answer = await run_tool(tool, {"query": query, "limit": 5})

    assert (answer["row_count"], answer["truncated"]) == (5, True)
    assert time.monotonic() - started < 10


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(tool: Any, url: str) -> None:
    query = {"postgresql": "SELECT pg_sleep(30)", "mysql": "SELECT sleep(30), 1 FROM items"}[
        make_url(url).get_backend_name()
    ]
    started = time.monotonic()

    with pytest.raises(ToolError, match=r"ended after 0\.5 s"):
        await run_tool(tool, {"query": query, "timeout": 0.5})

    assert time.monotonic() - started < 5


async def test_a_statement_of_another_kind_than_select_works(tool: Any, url: str) -> None:
    queries = {
        "postgresql": ["EXPLAIN SELECT * FROM items", "SHOW server_version", "TABLE items", "VALUES (1)"],
        "mysql": ["EXPLAIN SELECT * FROM items", "SHOW TABLES", "DESCRIBE items"],
    }
    for query in queries[make_url(url).get_backend_name()]:
        assert (await run_tool(tool, {"query": query}))["row_count"] > 0


async def test_writing_is_possible_where_the_team_file_says_so(url: str) -> None:
    tool = load_builtin("sql_query", {"database_url": url, "read_only": False})

    done = await run_tool(
        tool, {"query": "INSERT INTO items VALUES (:id, :name)", "parameters": {"id": 9, "name": "w"}}
    )
    assert done == {"rows_affected": 1}
    assert items(url)[-1] == (9, "w")
    with pytest.raises(ToolInputError, match="query: "):
        await run_tool(tool, {"query": "INSERT INTO items VALUES (9, 'again')"})
    await run_tool(tool, {"query": "DELETE FROM items WHERE id = 9"})

    assert items(url) == ITEMS


async def test_wrong_sql_is_the_callers_fault_and_a_missing_server_is_not(tool: Any, url: str) -> None:
    with pytest.raises(ToolInputError, match="nowhere"):
        await run_tool(tool, {"query": "SELECT * FROM nowhere"})

    away = str(make_url(url).set(port=1, password="p4ssw0rd").render_as_string(hide_password=False))
    with pytest.raises(ToolError) as caught:
        await run_tool(load_builtin("sql_query", {"database_url": away}), {"query": "SELECT 1"})

    assert not isinstance(caught.value, ValueError)
    assert "p4ssw0rd" not in str(caught.value)


async def test_the_mysql_tool_takes_the_servers_parts(url: str) -> None:
    parts = make_url(url)
    if parts.get_backend_name() != "mysql":
        pytest.skip("for MySQL")
    tool = load_builtin(
        "mysql_query",
        {"host": "127.0.0.1", "port": str(parts.port), "username": "root", "database": "shop", "pool_size": 3},
    )

    assert (await run_tool(tool, {"query": "SELECT count(*) AS n FROM items"}))["rows"] == [{"n": 2}]
    with pytest.raises(ToolInputError, match="read-only"):
        await run_tool(tool, {"query": "DELETE FROM items"})
