"""FileOperationsTool: read, write, append, list, look for and delete files of one directory."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, validate_call

from ...errors import ToolError, ToolInputError
from ..arguments import shown
from ..base import BaseTool
from ..context import current_call
from ..files.appends import append_once, tag_of
from ..files.beneath import (
    discard_temporaries,
    kind_of,
    locked,
    look,
    open_folder,
    read_file,
    replace_file,
    require_regular,
    too_large,
)
from ..files.paths import RESERVED_PREFIX, refused, split_path
from ..threads import in_thread

_MOST_ENTRIES = 1000


class FileOperation(BaseModel):
    """The arguments of one file operation."""

    model_config = ConfigDict(extra="forbid")

    operation: Literal["read", "write", "append", "list", "exists", "delete"] = Field(
        description="What to do: read, write (replaces the file), append, list (a folder), exists, delete"
    )
    file_path: str = Field(default=".", description="Path relative to the base directory, folders separated by /")
    content: str | None = Field(default=None, description="Text to write or append")
    encoding: str = Field(
        default="utf-8", description="Text encoding; base64 for bytes that are no text, given as base64"
    )
    create_dirs: bool = Field(default=True, description="Make missing folders when writing")


class FileOperationsTool(BaseTool[FileOperation, dict[str, Any]]):
    """Files of one directory; no path, symbolic link or race leads out of it.

    A write is atomic: readers see the old file or the new one, and after a crash one of the two is there. Write
    and delete have the same outcome when repeated; an append happens once for each call (see ``files.appends``).
    Symbolic links below ``base_directory`` are never followed, and a file with a second name (a hard link) is
    not read.
    """

    @validate_call
    def __init__(
        self,
        base_directory: str = "./workspace",
        allowed_extensions: list[str] | None = None,
        max_file_size: Annotated[int, Field(gt=0)] = 1_000_000,
        tool_name: str = "file_operations",
        tool_description: str = "Read, write and manage files in the configured directory",
    ) -> None:
        """``base_directory`` is relative to the worker's working directory and made at the first write.

        ``allowed_extensions`` (``[".txt", ".md"]``; ``""`` stands for none) limits files to these, in either
        case of letters; None allows all. ``max_file_size`` is in bytes, for reading and for writing. Its default
        keeps contents below the 2 MB that the server accepts in one message.
        """
        super().__init__(tool_name, tool_description, FileOperation)
        self.base_directory = Path(base_directory)
        self.allowed_extensions = (
            None if allowed_extensions is None else {_with_dot(item) for item in allowed_extensions}
        )
        self.max_file_size = max_file_size

    async def run(self, input_data: FileOperation) -> dict[str, Any]:
        """Do the operation.

        Raises:
            ToolInputError: the path, the content or the encoding is refused, or there is no such file.
            ToolError: the system refuses (no space, no right); another attempt may succeed.
        """
        return await in_thread(lambda: self._do(input_data))

    def _do(self, wanted: FileOperation) -> dict[str, Any]:
        parts = split_path(wanted.file_path)
        path = "/".join(parts) or "."
        work = getattr(self, f"_{wanted.operation}")
        try:
            found: dict[str, Any] = work(wanted, parts, path)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ToolError(f"{self.name}: {wanted.operation} {path!r} failed: {reason}") from error
        return {"operation": wanted.operation, "file_path": path, **found}

    def _read(self, wanted: FileOperation, parts: tuple[str, ...], path: str) -> dict[str, Any]:
        folders, name = self._file(parts, path)
        with open_folder(self.base_directory, folders) as folder:
            data = read_file(folder, name, self.max_file_size)
        return {"size": len(data), "content": _decode(data, wanted.encoding, path)}

    def _write(self, wanted: FileOperation, parts: tuple[str, ...], path: str) -> dict[str, Any]:
        folders, name = self._file(parts, path)
        data = self._content(wanted, path)
        call = current_call()
        tag = tag_of(f"{call.idempotency_key}\n{path}") if call else "write"
        with (
            open_folder(self.base_directory, folders, create=wanted.create_dirs) as folder,
            locked(folder),
        ):
            if call is not None and call.attempt > 1:
                discard_temporaries(folder, tag)
            replace_file(folder, name, data, tag)
        return {"size": len(data)}

    def _append(self, wanted: FileOperation, parts: tuple[str, ...], path: str) -> dict[str, Any]:
        folders, name = self._file(parts, path)
        data = self._content(wanted, path)
        call = current_call()
        with open_folder(self.base_directory, folders, create=wanted.create_dirs) as folder:
            done = append_once(
                self.base_directory,
                folder,
                name,
                data,
                key=f"{call.idempotency_key}\n{path}" if call else None,
                limit=self.max_file_size,
                attempt=call.attempt if call else 1,
            )
        return {
            "size": done.size,
            "appended": len(data),
            "already_done": done.already_done,
            "exactly_once": done.exactly_once,
        }

    def _list(self, wanted: FileOperation, parts: tuple[str, ...], path: str) -> dict[str, Any]:
        if not parts and not self.base_directory.exists():
            return {"entries": [], "truncated": False}
        with open_folder(self.base_directory, parts) as folder, os.scandir(folder) as found:
            names = sorted(item.name for item in found if not item.name.startswith(RESERVED_PREFIX))
            entries = [_entry(folder, name) for name in names[:_MOST_ENTRIES]]
        return {
            "entries": [entry for entry in entries if entry is not None],
            "truncated": len(names) > _MOST_ENTRIES,
        }

    def _exists(self, wanted: FileOperation, parts: tuple[str, ...], path: str) -> dict[str, Any]:
        if not parts:
            return {"exists": self.base_directory.is_dir(), "type": "directory"}
        try:
            with open_folder(self.base_directory, parts[:-1]) as folder:
                found = look(folder, parts[-1])
        except ToolInputError:
            found = None
        if found is None:
            return {"exists": False}
        return {"exists": True, "type": kind_of(found.st_mode), "size": found.st_size}

    def _delete(self, wanted: FileOperation, parts: tuple[str, ...], path: str) -> dict[str, Any]:
        if not parts:
            raise refused(path, "the base directory itself is not deleted")
        with open_folder(self.base_directory, parts[:-1]) as folder, locked(folder):
            found = look(folder, parts[-1])
            if found is None:
                return {"deleted": False, "detail": "there was no such file"}
            if stat.S_ISDIR(found.st_mode):
                return self._delete_folder(folder, parts[-1], path)
            self._check_extension(parts[-1], path)
            require_regular(found, parts[-1])
            with suppress(FileNotFoundError):
                os.unlink(parts[-1], dir_fd=folder)
            os.fsync(folder)
        return {"deleted": True}

    def _delete_folder(self, parent: int, name: str, path: str) -> dict[str, Any]:
        try:
            os.rmdir(name, dir_fd=parent)
        except FileNotFoundError:
            return {"deleted": False, "detail": "there was no such folder"}
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise refused(path, "only empty folders are deleted") from None
            raise
        os.fsync(parent)
        return {"deleted": True}

    def _file(self, parts: tuple[str, ...], path: str) -> tuple[tuple[str, ...], str]:
        if not parts:
            raise refused(path, "it names the base directory, not a file")
        self._check_extension(parts[-1], path)
        return parts[:-1], parts[-1]

    def _check_extension(self, name: str, path: str) -> None:
        if self.allowed_extensions is None:
            return
        extension = PurePosixPath(name).suffix.lower()
        if extension not in self.allowed_extensions:
            allowed = ", ".join(repr(item) for item in sorted(self.allowed_extensions))
            raise refused(path, f"the extension {extension!r} is not among allowed_extensions ({allowed})")

    def _content(self, wanted: FileOperation, path: str) -> bytes:
        if wanted.content is None:
            raise ToolInputError(f"content: missing; {wanted.operation} needs it", fields=("content",))
        data = _encode(wanted.content, wanted.encoding)
        if len(data) > self.max_file_size:
            raise too_large(path, len(data), self.max_file_size)
        return data


def _entry(folder: int, name: str) -> dict[str, Any] | None:
    found = look(folder, name)
    if found is None:
        return None
    kind = kind_of(found.st_mode)
    return {"name": _showable(name), "type": kind, **({"size": found.st_size} if kind == "file" else {})}


def _showable(name: str) -> str:
    """A file name as text that JSON can carry; bytes that are no UTF-8 are shown as such."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _with_dot(extension: str) -> str:
    lowered = extension.strip().lower()
    return lowered if not lowered or lowered.startswith(".") else f".{lowered}"


def _encode(text: str, encoding: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if encoding == "base64" else text.encode(encoding)
    except binascii.Error as error:
        raise ToolInputError(f"content: it is no base64: {error}", fields=("content",)) from None
    except (LookupError, UnicodeError) as error:
        raise _encoding_error(encoding, error) from None


def _decode(data: bytes, encoding: str, path: str) -> str:
    try:
        return base64.b64encode(data).decode() if encoding == "base64" else data.decode(encoding)
    except UnicodeError:
        raise ToolInputError(
            f"encoding: {path!r} is no {encoding} text; read it with encoding base64", fields=("encoding",)
        ) from None
    except LookupError as error:
        raise _encoding_error(encoding, error) from None


def _encoding_error(encoding: str, error: Exception) -> ToolInputError:
    return ToolInputError(f"encoding: {shown(encoding)} cannot be used: {error}", fields=("encoding",))
