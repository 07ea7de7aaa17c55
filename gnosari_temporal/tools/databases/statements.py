"""The statement: one at a time, and in read-only mode one that reads."""

from __future__ import annotations

import re
from typing import Final

from ...errors import ToolInputError

READING: Final = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "PRAGMA")
STREAMED: Final = ("SELECT", "WITH", "VALUES", "TABLE")
"""Statements that a server-side cursor can be opened for."""

_LEADING = re.compile(r"(?:\s+|\(|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*(?![!M]).*?\*/)+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_MYSQL_FILE = re.compile(r"\b(outfile|dumpfile|load_file)\b", re.IGNORECASE)
_MYSQL_CODE = re.compile(r"/\*M?!")


def first_word(query: str) -> str:
    """The keyword of a statement, in capitals, after comments and parentheses; empty if there is none."""
    start = _LEADING.match(query)
    word = _WORD.match(query, start.end() if start else 0)
    return word.group().upper() if word else ""


def check_statement(query: str, *, dialect: str, read_only: bool) -> str:
    """The statement without its final semicolon.

    Servers are stricter than SQLite, whose driver takes one statement only: for them a semicolon anywhere else is
    refused, even within quotes, because where quotes end is the server's to say; such values go as parameters.

    Raises:
        ToolInputError: there is no statement, more than one, or one that is not known to read.
    """
    text = query.strip()
    while text.endswith(";"):
        text = text[:-1].rstrip()
    if not first_word(text):
        raise _refused("there is no SQL statement in it")
    if "\0" in text:
        raise _refused("it contains a NUL character")
    if dialect != "sqlite" and ";" in text:
        raise _refused("only one statement is run; give values that contain ';' as parameters")
    if dialect in ("mysql", "mariadb") and _MYSQL_CODE.search(text):
        raise _refused("comments that MySQL runs as code (/*! … */) are not accepted")
    if read_only:
        _check_reads(text, dialect)
    return text


def _check_reads(text: str, dialect: str) -> None:
    word = first_word(text)
    if word not in READING:
        raise _refused(
            f"{word} is not a statement that reads ({', '.join(READING)}); the tool is read-only unless "
            "read_only: false is set in its args"
        )
    found = _MYSQL_FILE.search(text) if dialect in ("mysql", "mariadb") else None
    if found is not None:
        raise _refused(f"{found.group().upper()} reaches files of the server; the tool is read-only")


def _refused(why: str) -> ToolInputError:
    return ToolInputError(f"query: refused: {why}", fields=("query",))
