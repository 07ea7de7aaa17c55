"""Work beneath one directory: every step is made from an open directory and follows no symbolic link.

A path is never handed to the system whole. Each folder is opened by its name relative to the folder before it,
with O_NOFOLLOW, so what somebody swaps between a check and its use makes a step fail; it never leads outside.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import ToolError, ToolInputError
from .paths import RESERVED_PREFIX, refused

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK_WAIT = 30.0
_LOCK_PAUSE = 0.01


@contextmanager
def open_folder(base: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """The folder ``parts`` beneath ``base`` as an open directory.

    ``base`` itself is the operator's and may be a symbolic link; nothing beneath it may. With ``create``, missing
    folders are made.

    Raises:
        ToolInputError: a part is missing, is no folder, or is a symbolic link.
        ToolError: the system refuses.
    """
    path = "/".join(parts)
    current = _open_base(base, create=create)
    try:
        for part in parts:
            following = _step(current, part, path, create=create)
            os.close(current)
            current = following
        yield current
    finally:
        os.close(current)


@contextmanager
def locked(folder: int) -> Iterator[bool]:
    """Hold the folder's lock, against every process that works through this module.

    Gives False where the file system has no locks (some network ones); the block then runs without.

    Raises:
        ToolError: it is held by someone else for more than 30 s.
    """
    deadline = time.monotonic() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ToolError(f"the folder is locked by another writer for {_LOCK_WAIT:.0f} s") from None
            time.sleep(_LOCK_PAUSE)
        except OSError:
            yield False
            return
    try:
        yield True
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)


def look(folder: int, name: str) -> os.stat_result | None:
    """What stands under ``name``, a symbolic link as such; None if nothing does."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def read_file(folder: int, name: str, limit: int) -> bytes:
    """The content of a regular file.

    Raises:
        ToolInputError: there is none, it is something else, has a second name (a hard link), or is larger than
            ``limit`` bytes.
    """
    found = look(folder, name)
    if found is None:
        raise refused(name, "there is no such file")
    require_regular(found, name, sole=True)
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        raise refused(name, "there is no such file") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise refused(name, "it is no regular file") from None
        raise ToolError(f"{name!r} cannot be read: {os.strerror(error.errno or 0)}") from error
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)
        require_regular(opened, name, sole=True)
        if opened.st_size > limit:
            raise too_large(name, opened.st_size, limit)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise too_large(name, len(content), limit)
    return content


def write_temporary(folder: int, name: str, content: bytes, tag: str) -> str:
    """Write ``content`` to a new temporary file that will become ``name``, down to the disk; gives its name."""
    found = look(folder, name)
    if found is not None:
        require_regular(found, name)
    temporary = f"{RESERVED_PREFIX}{tag}-{secrets.token_hex(4)}.tmp"
    descriptor = os.open(temporary, _CREATE, 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if found is not None:
                os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & 0o777)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    return temporary


def put_in_place(folder: int, temporary: str, name: str) -> None:
    """Give a temporary file its name, in one step that readers see whole or not at all, and keep it."""
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def replace_file(folder: int, name: str, content: bytes, tag: str) -> None:
    """Write the file ``name`` so that readers see the old content or the new, and a crash leaves one of them."""
    temporary = write_temporary(folder, name, content, tag)
    try:
        put_in_place(folder, temporary, name)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def discard_temporaries(folder: int, tag: str) -> None:
    """Remove what earlier attempts with the same ``tag`` left when their process was killed."""
    start = f"{RESERVED_PREFIX}{tag}-"
    with os.scandir(folder) as entries:
        left = [entry.name for entry in entries if entry.name.startswith(start)]
    for name in left:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def require_regular(found: os.stat_result, name: str, *, sole: bool = False) -> None:
    """Refuse folders, links, devices, pipes and sockets; with ``sole`` also a file with a second name.

    A second name may stand outside the base directory, and reading through it would leave.
    """
    if stat.S_ISREG(found.st_mode):
        if sole and found.st_nlink > 1:
            raise refused(name, "the file has more than one name (a hard link)")
        return
    raise refused(name, f"it is a {kind_of(found.st_mode)}, not a file")


def kind_of(mode: int) -> str:
    """The word for what a mode says: file, directory, symlink, …"""
    kinds = (
        (stat.S_ISREG, "file"),
        (stat.S_ISDIR, "directory"),
        (stat.S_ISLNK, "symlink"),
        (stat.S_ISFIFO, "pipe"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISCHR, "device"),
        (stat.S_ISBLK, "device"),
    )
    return next((word for test, word in kinds if test(mode)), "special file")


def too_large(name: str, size: int, limit: int) -> ToolInputError:
    """The error for a file above the limit."""
    return refused(name, f"it has {size} bytes, more than max_file_size ({limit})")


def _open_base(base: Path, *, create: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(base, flags)
    except FileNotFoundError:
        if not create:
            raise refused(".", f"the base directory {str(base)!r} does not exist yet") from None
    except OSError as error:
        raise _base_error(base, error) from error
    try:
        base.mkdir(parents=True, exist_ok=True)
        return os.open(base, flags)
    except OSError as error:
        raise _base_error(base, error) from error


def _base_error(base: Path, error: OSError) -> ToolError:
    return ToolError(f"the base directory {str(base)!r} cannot be used: {os.strerror(error.errno or 0)}")


def _step(folder: int, part: str, path: str, *, create: bool) -> int:
    """Open the folder ``part`` in ``folder``, after making it if asked to."""
    for attempt in (1, 2):
        try:
            return os.open(part, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            if not create or attempt == 2:
                raise refused(path, f"there is no folder {part!r}") from None
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=folder)
                os.fsync(folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                found = look(folder, part)
                kind = kind_of(found.st_mode) if found is not None else "special file"
                raise refused(path, f"{part!r} is a {kind}, not a folder") from None
            raise ToolError(f"{path!r} cannot be opened: {os.strerror(error.errno or 0)}") from error
    raise AssertionError("unreachable")
