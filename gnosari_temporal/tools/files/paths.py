"""The relative path that a caller gives: taken apart and refused here if it could mean anything else."""

from __future__ import annotations

import unicodedata

from ...errors import ToolInputError
from ..arguments import shown

RESERVED_PREFIX = ".gnosari-"
"""Names of the tools' own files: temporary files and the ledger of appends."""

_LONGEST_PATH = 4096
_LONGEST_NAME = 255
_DEEPEST = 100
_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def split_path(path: str, *, field: str = "file_path") -> tuple[str, ...]:
    """The names of a relative path, without empty ones and ``.``; an empty tuple is the base directory.

    Raises:
        ToolInputError: the path is absolute, has ``..``, or holds characters that are no part of a name.
    """
    if not isinstance(path, str):
        raise refused(path, "it is no text", field)
    _check_characters(path, field)
    if path.startswith("/"):
        raise refused(path, "paths are relative to the base directory", field)
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if len(parts) > _DEEPEST:
        raise refused(path, f"it goes {len(parts)} names deep, at most {_DEEPEST} are accepted", field)
    for part in parts:
        _check_name(part, path, field)
    return parts


def refused(path: object, why: str, field: str = "file_path") -> ToolInputError:
    """The error for a path that is not accepted."""
    return ToolInputError(f"{field}: {shown(path)} is refused: {why}", fields=(field,))


def _check_characters(path: str, field: str) -> None:
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise refused(path, "it is not valid Unicode", field) from None
    if len(encoded) > _LONGEST_PATH:
        raise refused(path, f"it has {len(encoded)} bytes, at most {_LONGEST_PATH} are accepted", field)
    for mark in path:
        code = ord(mark)
        if code < 32 or 127 <= code < 160 or code in _BIDI:
            raise refused(path, f"it contains the control character U+{code:04X}", field)
    if "\\" in path:
        raise refused(path, "folders are separated by /, and a backslash is accepted nowhere", field)


def _check_name(part: str, path: str, field: str) -> None:
    if part == "..":
        raise refused(path, "'..' is not accepted; paths start at the base directory", field)
    if part == "~":
        raise refused(path, "'~' is not expanded; paths start at the base directory", field)
    folded = unicodedata.normalize("NFKC", part)
    if folded != part and (folded in (".", "..") or any(mark in folded for mark in "/\\\0")):
        raise refused(path, "it contains a look-alike of '..' or '/'", field)
    if len(part.encode()) > _LONGEST_NAME:
        raise refused(path, f"a name has more than {_LONGEST_NAME} bytes", field)
    if part.casefold().startswith(RESERVED_PREFIX):
        raise refused(path, f"names that start with {RESERVED_PREFIX} belong to the tool itself", field)
