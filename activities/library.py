"""The library of published reports: a resource that the consumers of a worker share."""

import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

LIBRARY = Path(__file__).resolve().parent.parent / ".gnosari" / "library.db"

_TABLE = """
CREATE TABLE IF NOT EXISTS reports (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    text TEXT NOT NULL
)
"""


class ReportLibrary:
    """Published reports in an SQLite file. Safe to use from several threads and several workers."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.execute(_TABLE)

    def publish(self, key: str, title: str, text: str) -> int:
        """Keep a report and return its number; the same key again gives the number that it has."""
        with self._lock, self._connection as transaction:
            transaction.execute(
                "INSERT INTO reports (key, title, text) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (key, title, text),
            )
            found = transaction.execute("SELECT number FROM reports WHERE key = ?", (key,)).fetchone()
        return int(found[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@asynccontextmanager
async def lifespan() -> AsyncIterator[dict[str, Any]]:
    """Opened once for each worker before its first job, closed after its last; consumers ask for it by name."""
    with ReportLibrary(LIBRARY) as library:
        yield {"library": library}
