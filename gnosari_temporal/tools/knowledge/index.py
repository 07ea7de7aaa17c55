"""The index: the passages of a folder's texts in SQLite's FTS5, kept up to date file by file."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...errors import ToolDefinitionError, ToolError, ToolInputError
from ..arguments import shown
from ..files.beneath import open_folder, read_file
from ..files.paths import RESERVED_PREFIX
from .passages import passages_of

DEFAULT_EXTENSIONS: Final = (".md", ".markdown", ".txt", ".rst")
_MARKDOWN: Final = (".md", ".markdown")
_INDEX_NAME: Final = f"{RESERVED_PREFIX}knowledge.db"
_VERSION: Final = 1
_WORD = re.compile(r"\w+")
_MOST_WORDS: Final = 64
_FRESH_NANOSECONDS: Final = 2_000_000_000
"""A file changed so shortly before it was indexed may change again within the same tick of its clock."""

_SCHEMA: Final = (
    """
    CREATE TABLE files (
        id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, modified INTEGER NOT NULL, size INTEGER NOT NULL,
        digest TEXT NOT NULL, indexed INTEGER NOT NULL
    )
    """,
    """
    CREATE VIRTUAL TABLE passages USING fts5(
        heading, body, file UNINDEXED, line UNINDEXED, tokenize = "porter unicode61 remove_diacritics 2"
    )
    """,
    f"PRAGMA user_version = {_VERSION}",
)


@dataclass(frozen=True)
class Found:
    """A passage that fits a search."""

    path: str
    heading: str
    line: int
    snippet: str
    text: str
    score: float
    """Higher is better; comparable within one search only."""

    def as_result(self) -> dict[str, Any]:
        """The passage as JSON values."""
        return {
            "file": self.path,
            "heading": self.heading,
            "line": self.line,
            "snippet": self.snippet,
            "text": self.text,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True)
class Updated:
    """What an update of the index did."""

    files: int
    indexed: int
    removed: int
    skipped: tuple[str, ...]
    """Files that were left out: too large, or no UTF-8 text."""


class KnowledgeIndex:
    """The index of one folder. It may be used by many processes at once; each update is one transaction."""

    def __init__(
        self,
        folder: Path,
        file: Path | None = None,
        *,
        extensions: tuple[str, ...] = DEFAULT_EXTENSIONS,
        max_file_size: int = 5_000_000,
    ) -> None:
        """``file`` is where the index is kept; None: in the folder itself."""
        self.folder = folder
        self.file = file or folder / _INDEX_NAME
        self.extensions = extensions
        self.max_file_size = max_file_size

    def folders(self) -> list[str]:
        """The names of the folders in the folder."""
        return sorted(
            entry.name
            for entry in self._scan(self.folder)
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        )

    def update(self) -> Updated:
        """Take up what was added, changed or deleted since the last time.

        Raises:
            ToolDefinitionError: there is no such folder, or the index cannot be written.
            ToolError: another process holds the index for too long.
        """
        present = dict(self._texts())
        with self._connection() as connection:
            changed, gone = self._differences(connection, present)
            skipped: list[str] = []
            if changed or gone:
                connection.execute("BEGIN IMMEDIATE")
                # Another process may have done part of it while this one waited for the lock.
                changed, gone = self._differences(connection, present)
                for path in gone:
                    self._remove(connection, path)
                for path in changed:
                    if not self._take_up(connection, path, present[path]):
                        skipped.append(path)
                connection.execute("COMMIT")
            known = connection.execute("SELECT path FROM files WHERE digest = ''").fetchall()
            left_out = sorted({*skipped, *(row[0] for row in known)})
            return Updated(len(present) - len(left_out), len(changed), len(gone), tuple(left_out))

    def search(self, query: str, *, limit: int, folder: str = "") -> list[Found]:
        """The passages that hold words of ``query``, those with rarer and more of them first.

        ``folder`` limits the search to one of the folders.

        Raises:
            ToolInputError: there is no word in ``query``.
        """
        words = list(dict.fromkeys(word.lower() for word in _WORD.findall(query)))[:_MOST_WORDS]
        if not words:
            raise ToolInputError(f"query: there is no word in {shown(query)}", fields=("query",))
        match = " OR ".join(f'"{word}"' for word in words)
        with self._connection() as connection:
            rows = connection.execute(
                """
                SELECT files.path, passages.heading, passages.line,
                       snippet(passages, 1, '**', '**', ' … ', 24), passages.body,
                       -bm25(passages, 4.0, 1.0) AS score
                FROM passages JOIN files ON files.id = passages.file
                WHERE passages MATCH ? AND (? = '' OR substr(files.path, 1, length(?) + 1) = ? || '/')
                ORDER BY score DESC, files.path, passages.line LIMIT ?
                """,
                (match, folder, folder, folder, limit),
            ).fetchall()
        return [Found(*row) for row in rows]

    def _texts(self) -> Iterator[tuple[str, os.stat_result]]:
        """Path, relative and with slashes, and state of every text; symbolic links and hidden names are left out."""
        waiting = [("", self.folder)]
        while waiting:
            prefix, folder = waiting.pop()
            for entry in self._scan(folder):
                if entry.name.startswith("."):
                    continue
                path = f"{prefix}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{path}/", Path(entry.path)))
                elif entry.name.lower().endswith(self.extensions) and _is_text_name(path):
                    with suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):
                            yield path, found

    def _scan(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if folder == self.folder:
                raise ToolDefinitionError(
                    f"the knowledge directory {str(folder)!r} cannot be read: {os.strerror(error.errno or 0)}"
                ) from None
            return []

    def _differences(
        self, connection: sqlite3.Connection, present: dict[str, os.stat_result]
    ) -> tuple[list[str], list[str]]:
        known = {row[0]: row[1:] for row in connection.execute("SELECT path, modified, size, indexed FROM files")}
        changed = [
            path
            for path, found in present.items()
            if path not in known
            or known[path][:2] != (found.st_mtime_ns, found.st_size)
            or known[path][2] - found.st_mtime_ns < _FRESH_NANOSECONDS
        ]
        return changed, [path for path in known if path not in present]

    def _take_up(self, connection: sqlite3.Connection, path: str, found: os.stat_result) -> bool:
        """Index a file anew; False if it is left out."""
        text = self._read(path)
        digest = "" if text is None else hashlib.sha256(text.encode()).hexdigest()
        row = connection.execute("SELECT id, digest FROM files WHERE path = ?", (path,)).fetchone()
        state = (found.st_mtime_ns, found.st_size, digest, time.time_ns())
        if row is not None and row[1] == digest:
            connection.execute(
                "UPDATE files SET modified = ?, size = ?, digest = ?, indexed = ? WHERE id = ?", (*state, row[0])
            )
            return text is not None
        self._remove(connection, path)
        added = connection.execute(
            "INSERT INTO files (modified, size, digest, indexed, path) VALUES (?, ?, ?, ?, ?)", (*state, path)
        )
        if text is not None:
            markdown = path.lower().endswith(_MARKDOWN)
            connection.executemany(
                "INSERT INTO passages (heading, body, file, line) VALUES (?, ?, ?, ?)",
                (
                    (passage.heading or path, passage.text, added.lastrowid, passage.line)
                    for passage in passages_of(text, markdown=markdown)
                ),
            )
        return text is not None

    def _read(self, path: str) -> str | None:
        parts = path.split("/")
        try:
            with open_folder(self.folder, parts[:-1]) as folder:
                return read_file(folder, parts[-1], self.max_file_size).decode("utf-8-sig")
        except (ToolInputError, UnicodeDecodeError):
            return None

    def _remove(self, connection: sqlite3.Connection, path: str) -> None:
        row = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        if row is not None:
            connection.execute("DELETE FROM passages WHERE file = ?", row)
            connection.execute("DELETE FROM files WHERE id = ?", row)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._open()) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            if "no such module: fts5" in str(error):
                raise ToolDefinitionError("this Python's SQLite has no FTS5, which knowledge_query needs") from None
            if error.sqlite_errorname in ("SQLITE_BUSY", "SQLITE_LOCKED"):
                raise ToolError(f"the knowledge index {str(self.file)!r} is held by another process") from None
            raise ToolDefinitionError(
                f"the knowledge index {str(self.file)!r} cannot be used ({error}); set index_file to a writable place"
            ) from None

    def _open(self) -> sqlite3.Connection:
        """Open the index, made if it is missing, and made anew if it is broken or of another version."""
        for _ in range(2):
            connection = sqlite3.connect(self.file, timeout=30, isolation_level=None)
            try:
                if self._is_ready(connection):
                    return connection
            except sqlite3.OperationalError:
                connection.close()
                raise
            except sqlite3.DatabaseError:
                pass  # no database, or a broken one
            connection.close()
            if self.file.name != _INDEX_NAME:
                # Whatever it is, it stands under a name that somebody chose: it is not ours to delete.
                raise ToolDefinitionError(
                    f"index_file: {str(self.file)!r} is no knowledge index of this version; delete it, or give "
                    "another name"
                )
            self.file.unlink(missing_ok=True)
        raise ToolError(f"the knowledge index {str(self.file)!r} cannot be made")

    def _is_ready(self, connection: sqlite3.Connection) -> bool:
        """Whether it is an index of this version; an empty database is made one."""
        connection.execute("BEGIN" if self._version(connection) else "BEGIN IMMEDIATE")
        version = self._version(connection)
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _SCHEMA:
                connection.execute(statement)
            version = _VERSION
        connection.execute("COMMIT")
        return version == _VERSION

    def _version(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_text_name(path: str) -> bool:
    """Whether the name can be stored: one whose bytes are no UTF-8 cannot."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
