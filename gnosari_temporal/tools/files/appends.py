"""The append that happens once: a ledger in the base directory remembers which calls have appended.

An append writes old and new content to a temporary file, notes in the ledger the temporary file's name under the
call's idempotency key, and renames the file into place. Since only that rename takes the temporary file away, a
later attempt knows: ledger entry and no temporary file, it happened; both, it did not. Whatever instant the
worker dies at, the text is appended once. The folder is locked meanwhile, so appends and writes of other workers
wait for each other.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .beneath import (
    discard_temporaries,
    locked,
    look,
    open_folder,
    put_in_place,
    read_file,
    too_large,
    write_temporary,
)
from .paths import RESERVED_PREFIX

LEDGER_FOLDER = f"{RESERVED_PREFIX}appends"
_KEPT_SECONDS = 30 * 24 * 3600
"""How long an entry is kept: longer than any job is retried."""


@dataclass(frozen=True)
class Appended:
    """What became of an append."""

    size: int
    """Bytes of the file now."""
    already_done: bool
    """An earlier attempt of the same call had done it."""
    exactly_once: bool
    """False without an idempotency key, or where the file system has no locks."""


def append_once(
    base: Path, folder: int, name: str, content: bytes, *, key: str | None, limit: int, attempt: int = 1
) -> Appended:
    """Append ``content`` to the file ``name`` of ``folder``, once for each ``key``; it is made if missing.

    ``key`` stands for the call and the path: the same on every attempt. Without one every attempt appends.

    Raises:
        ToolInputError: the file is no regular file, or would be larger than ``limit`` bytes.
    """
    entry = tag_of(key) if key is not None else None
    with locked(folder) as safe:
        if entry is not None:
            if _settle(base, entry, folder):
                found = look(folder, name)
                return Appended(size=found.st_size if found else 0, already_done=True, exactly_once=safe)
            if attempt > 1:
                discard_temporaries(folder, entry)
        old = read_file(folder, name, limit) if look(folder, name) is not None else b""
        if len(old) + len(content) > limit:
            raise too_large(name, len(old) + len(content), limit)
        temporary = write_temporary(folder, name, old + content, entry or "append")
        if entry is not None:
            # The temporary file must be on the disk before the entry is: an entry without it means "done".
            os.fsync(folder)
            _note(base, entry, temporary)
        _finish(base, folder, temporary, name, entry)
        return Appended(size=len(old) + len(content), already_done=False, exactly_once=safe and entry is not None)


def tag_of(key: str) -> str:
    """A short name for a key, fit for a file name."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _settle(base: Path, entry: str, folder: int) -> bool:
    """Whether an earlier attempt has appended; the entry of one that had not is taken away."""
    with _ledger(base) as ledger:
        if look(ledger, entry) is None:
            return False
        temporary = read_file(ledger, entry, 4096).decode()
        if look(folder, temporary) is None:
            return True
    _forget(base, entry)
    discard_temporaries(folder, entry)
    return False


def _finish(base: Path, folder: int, temporary: str, name: str, entry: str | None) -> None:
    try:
        put_in_place(folder, temporary, name)
    except BaseException:
        if look(folder, temporary) is not None:
            _forget(base, entry)
            os.unlink(temporary, dir_fd=folder)
        raise


def _forget(base: Path, entry: str | None) -> None:
    """Take the entry away. It goes before its temporary file, whose absence beside an entry means "done"."""
    if entry is not None:
        with _ledger(base) as ledger, suppress(FileNotFoundError):
            os.unlink(entry, dir_fd=ledger)
            os.fsync(ledger)


def _note(base: Path, entry: str, temporary: str) -> None:
    with _ledger(base) as ledger:
        put_in_place(ledger, write_temporary(ledger, entry, temporary.encode(), entry), entry)
        if entry.startswith("00"):  # one append in 256 sweeps
            _sweep(ledger)


def _sweep(ledger: int) -> None:
    oldest = time.time() - _KEPT_SECONDS
    with os.scandir(ledger) as entries:
        names = [item.name for item in entries if item.stat(follow_symlinks=False).st_mtime < oldest]
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=ledger)


@contextmanager
def _ledger(base: Path) -> Iterator[int]:
    with open_folder(base, (LEDGER_FOLDER,), create=True) as folder:
        yield folder
