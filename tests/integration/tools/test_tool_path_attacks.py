"""Attacks on the file tool: none leaves the base directory.

Outside the base directory stands a secret. After every attack everything outside is as it was, and nothing that
the tool gave back contains the secret. Racing attacks swap files and folders while the tool works on them.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal.errors import ToolError, ToolInputError
from gnosari_temporal.tools import ToolCall, load_builtin, run_tool
from gnosari_temporal.tools.files.beneath import open_folder, read_file

_LIBC = ctypes.CDLL(None, use_errno=True)
_HERE, _RENAME_EXCHANGE = -100, 2

SECRET = "CANARY-7f3a91"
OPERATIONS = ("read", "list", "exists", "append", "write", "delete")


class Ground:
    """The base directory, and outside it what attacks are after."""

    def __init__(self, root: Path) -> None:
        self.base = root / "workspace"
        self.outside = root / "outside"
        self.sibling = root / "workspace-evil"
        for folder in (self.base, self.base / "sub", self.outside, self.sibling):
            folder.mkdir(parents=True)
        (self.outside / "secret.txt").write_text(SECRET)
        (self.outside / "folder").mkdir()
        (self.outside / "folder" / "secret.txt").write_text(SECRET)
        (self.sibling / "secret.txt").write_text(SECRET)
        (self.base / "sub" / "fine.txt").write_text("fine")
        self.tool = load_builtin("file_operations", {"base_directory": str(self.base)})

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        found = {}
        for start in (self.outside, self.sibling):
            for path in sorted(start.rglob("*")):
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                found[str(path)] = (path.lstat().st_mode, content)
        found["root"] = (0, json.dumps(sorted(path.name for path in self.base.parent.iterdir())).encode())
        return found

    async def attempt(self, operation: str, path: str) -> str:
        """What the tool answers, result or error, as text."""
        arguments = {"operation": operation, "file_path": path, "content": "written by the attack"}
        call = ToolCall("t", f"{operation}:{path[:50]!r}")
        try:
            return json.dumps(await asyncio.wait_for(run_tool(self.tool, arguments, call=call), 10))
        except ToolError as error:
            return str(error)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def _outside(ground: Ground) -> str:
    return str(ground.outside / "secret.txt")


PATHS: dict[str, str | Callable[[Ground], str]] = {
    "parent": "../outside/secret.txt",
    "parent after a dot": "./../outside/secret.txt",
    "parent through a missing folder": "a/../../outside/secret.txt",
    "parent through a real folder": "sub/../../outside/secret.txt",
    "parent with doubled slashes": "..//outside//secret.txt",
    "parent at the end": "sub/..",
    "parent twice at the end": "sub/../..",
    "sibling with the base's name as prefix": "../workspace-evil/secret.txt",
    "absolute": _outside,
    "absolute with two slashes": lambda ground: f"/{_outside(ground)}",
    "absolute inside the base": lambda ground: str(ground.base / "sub" / ".." / ".." / "outside" / "secret.txt"),
    "absolute after a space": lambda ground: f" {_outside(ground)}",
    "backslashes": "..\\outside\\secret.txt",
    "mixed slashes": "..\\/outside/secret.txt",
    "percent-encoded dots": "%2e%2e/outside/secret.txt",
    "percent-encoded slash": "..%2foutside%2fsecret.txt",
    "doubly encoded": "%252e%252e%252foutside%252fsecret.txt",
    "overlong UTF-8 slash as Latin-1": "..\u00c0\u00afoutside/secret.txt",
    "fullwidth dots": "\uff0e\uff0e/outside/secret.txt",
    "fullwidth slash": "..\uff0foutside\uff0fsecret.txt",
    "one dot leaders": "\u2024\u2024/outside/secret.txt",
    "two dot leader": "\u2025/outside/secret.txt",
    "small full stops": "\ufe52\ufe52/outside/secret.txt",
    "right-to-left override": "\u202e../outside/secret.txt",
    "zero-width space between dots": ".\u200b./outside/secret.txt",
    "NUL cuts the extension off": "../outside/secret.txt\0.txt",
    "NUL alone": "\0",
    "NUL after a link": "sub\0/../../outside/secret.txt",
    "newline": "sub/\n../../outside/secret.txt",
    "lone surrogate": "\udcff/../outside/secret.txt",
    "dots and spaces": ".. /outside/secret.txt",
    "dot dot dot": ".../outside/secret.txt",
    "home": "~/secret.txt",
    "home of root": "~root/secret.txt",
    "variable": "$HOME/../outside/secret.txt",
    "file URL": lambda ground: f"file://{_outside(ground)}",
    "proc root": lambda ground: f"/proc/self/root{_outside(ground)}",
    "proc working directory": "/proc/self/cwd/../outside/secret.txt",
    "relative proc": "proc/self/root/proc/version",
    "proc descriptors": "/proc/self/fd/0",
    "very long name": "x" * 5000,
    "very long way up": "../" * 1500 + "proc/version",
    "very deep": "d/" * 1900 + "f",
    "the ledger": ".gnosari-appends/00000000000000000000000000000000",
    "empty": "",
}


def _link(name: str, target: str | Callable[[Ground], str]) -> Callable[[Ground], None]:
    def plant(ground: Ground) -> None:
        to = target if isinstance(target, str) else target(ground)
        (ground.base / name).symlink_to(to)

    return plant


def _two_links(ground: Ground) -> None:
    _link("one", _outside)(ground)
    _link("two", "one")(ground)


def _hard_link(ground: Ground) -> None:
    os.link(ground.outside / "secret.txt", ground.base / "hard.txt")


def _device(ground: Ground) -> None:
    """A node of /dev/zero inside the base; only root can make one."""
    with suppress(PermissionError):
        os.mknod(ground.base / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))


def _block_device(ground: Ground) -> None:
    with suppress(PermissionError):
        os.mknod(ground.base / "disk", 0o666 | stat.S_IFBLK, os.makedev(7, 250))


def _socket(ground: Ground) -> None:
    here = Path.cwd()
    os.chdir(ground.base)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("sock")
    finally:
        os.chdir(here)


def _ledger_link(ground: Ground) -> None:
    (ground.base / ".gnosari-appends").symlink_to(ground.outside / "folder")


PLANTED: dict[str, tuple[Callable[[Ground], None], str | Callable[[Ground], str]]] = {
    "link to a file": (_link("link", _outside), "link"),
    "relative link to a file": (_link("link", "../outside/secret.txt"), "link"),
    "link to a folder": (_link("dir", lambda ground: str(ground.outside)), "dir/secret.txt"),
    "link to a folder with a slash": (_link("dir", lambda ground: str(ground.outside)), "dir/"),
    "link deep inside": (_link("sub/dir", "../../outside"), "sub/dir/folder/secret.txt"),
    "link to the root": (_link("root", "/"), "root/proc/version"),
    "link to the parent": (_link("up", ".."), "up/outside/secret.txt"),
    "link to a link": (_two_links, "two"),
    "link to itself": (_link("loop", "loop"), "loop/secret.txt"),
    "link to proc root": (_link("p", "/proc/self/root"), lambda ground: f"p{_outside(ground)}"),
    "link to descriptors": (_link("fd", "/proc/self/fd"), "fd/0"),
    "dangling link out": (_link("new", lambda ground: str(ground.outside / "new.txt")), "new"),
    "dangling link in a new folder": (_link("n", lambda ground: str(ground.outside / "n")), "n/new.txt"),
    "hard link": (_hard_link, "hard.txt"),
    "ledger is a link out": (_ledger_link, "sub/fine.txt"),
    "pipe": (lambda ground: os.mkfifo(ground.base / "pipe"), "pipe"),
    "pipe as a folder": (lambda ground: os.mkfifo(ground.base / "pipe"), "pipe/x"),
    "device node": (_device, "zero"),
    "block device node": (_block_device, "disk"),
    "socket": (_socket, "sock"),
}


async def _survives(ground: Ground, path: str) -> None:
    before = ground.snapshot()
    answers = [await ground.attempt(operation, path) for operation in OPERATIONS]

    assert ground.snapshot() == before
    for operation, answer in zip(OPERATIONS, answers, strict=True):
        assert SECRET not in answer, f"{operation} gave the secret away"
        assert "Linux version" not in answer, f"{operation} gave /proc/version away"


@pytest.mark.parametrize("name", PATHS)
async def test_a_path_does_not_leave(ground: Ground, name: str) -> None:
    path = PATHS[name]

    await _survives(ground, path if isinstance(path, str) else path(ground))


# Real files of the machine are aimed at by what only looks: a guard that fails here must not cost the machine a file.
# Those that every operation aims at are in the test's own folder, or in /proc, where nothing can be changed.
LOOKED_AT = ("/etc/passwd", "/dev/stdin", "/dev/zero", "//etc/passwd", "/etc/../etc/passwd")


@pytest.mark.parametrize("path", LOOKED_AT)
@pytest.mark.parametrize("operation", ["read", "list", "exists"])
async def test_a_file_of_the_machine_is_not_looked_at(ground: Ground, operation: str, path: str) -> None:
    answer = await ground.attempt(operation, path)

    assert "root:x:0" not in answer
    assert '"exists": true' not in answer


@pytest.mark.parametrize("name", PLANTED)
async def test_what_stands_in_the_base_does_not_lead_out(ground: Ground, name: str) -> None:
    plant, path = PLANTED[name]
    plant(ground)

    await _survives(ground, path if isinstance(path, str) else path(ground))


@contextmanager
def racing(swap: Callable[[], None]) -> Iterator[None]:
    """Swap things as fast as possible in another thread meanwhile."""
    stop = threading.Event()

    def race() -> None:
        while not stop.is_set():
            with suppress(OSError):
                swap()

    thread = threading.Thread(target=race)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _exchange(one: Path, other: Path) -> None:
    """Swap two names in one step, as Linux can."""
    done = _LIBC.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _RENAME_EXCHANGE)
    if done != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def _swap_folder_and_link(ground: Ground) -> Callable[[], None]:
    spot, other = ground.base / "spot", ground.base / "other"
    spot.mkdir()
    (spot / "secret.txt").write_text("harmless")
    other.symlink_to(ground.outside)
    return lambda: _exchange(spot, other)


def _swap_file_and(ground: Ground, put: Callable[[Path], None]) -> Callable[[], None]:
    """Swap a file and something else; what the tool deleted or replaced is put there again."""
    spot, other, spare = (ground.base / name for name in ("spot.txt", "other", "spare"))

    def swap() -> None:
        if not spot.exists() or not other.exists():
            spare.write_text("harmless")
            spare.rename(spot)
            with suppress(FileNotFoundError):
                other.unlink()
            put(other)
        for _ in range(50):
            _exchange(spot, other)

    return swap


def _swap_new_folder_and_link(ground: Ground) -> Callable[[], None]:
    spot = ground.base / "fresh"

    def swap() -> None:
        spot.symlink_to(ground.outside)
        spot.unlink()

    return swap


RACES: dict[str, tuple[Callable[[Ground], Callable[[], None]], str]] = {
    "folder swapped for a link out": (_swap_folder_and_link, "spot/secret.txt"),
    "folder to list swapped for a link out": (_swap_folder_and_link, "spot"),
    "file swapped for a link out": (
        lambda ground: _swap_file_and(ground, lambda path: path.symlink_to(_outside(ground))),
        "spot.txt",
    ),
    "file swapped for a hard link": (
        lambda ground: _swap_file_and(ground, lambda path: os.link(_outside(ground), path)),
        "spot.txt",
    ),
    "file swapped for a pipe": (lambda ground: _swap_file_and(ground, os.mkfifo), "spot.txt"),
    "new folder swapped for a link out": (_swap_new_folder_and_link, "fresh/made.txt"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="swaps two names in one step, which only Linux can")
@pytest.mark.parametrize("name", RACES)
async def test_a_swap_between_check_and_use_does_not_lead_out(ground: Ground, name: str) -> None:
    make_swap, path = RACES[name]
    before = ground.snapshot()
    worked = 0

    with racing(make_swap(ground)):
        for turn in range(240):
            answer = await ground.attempt(OPERATIONS[turn % len(OPERATIONS)], path)
            assert SECRET not in answer
            assert "folder" not in json.dumps(_listed(answer)), "the outside was listed"
            worked += answer.startswith("{")

    assert ground.snapshot() == before
    assert worked > 0, "no operation ever worked, so nothing was raced"


@pytest.mark.skipif(sys.platform != "linux", reason="swaps two names in one step, which only Linux can")
@pytest.mark.parametrize("put", [Path.symlink_to, Path.hardlink_to], ids=["link", "hard link"])
def test_a_file_that_another_process_swaps_is_never_read_outside(
    ground: Ground, put: Callable[[Path, Path], None]
) -> None:
    """The window between looking at a file and opening it is small: this reads for a second as fast as it can."""
    spot, other = ground.base / "spot.txt", ground.base / "other"
    spot.write_text("harmless")
    put(other, ground.outside / "secret.txt")
    read = refused = 0

    with swapping_process(spot, other), open_folder(ground.base, ()) as folder:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            try:
                assert read_file(folder, "spot.txt", 1000) == b"harmless"
                read += 1
            except ToolInputError:
                refused += 1

    assert read > 10
    assert refused > 10


@contextmanager
def swapping_process(one: Path, other: Path) -> Iterator[None]:
    """Swap two names as fast as possible in another process meanwhile."""
    child = os.fork()
    if child == 0:
        while True:
            _exchange(one, other)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _listed(answer: str) -> Any:
    try:
        return [entry["name"] for entry in json.loads(answer).get("entries", [])]
    except ValueError:
        return []


def test_there_are_at_least_forty_attacks() -> None:
    assert len(PATHS) + len(PLANTED) + len(RACES) >= 40


async def test_the_secret_can_be_read_where_it_is_allowed(ground: Ground) -> None:
    """The attacks above fail for a reason: the same file is read when its folder is the base directory."""
    tool = load_builtin("file_operations", {"base_directory": str(ground.outside)})

    answer = await run_tool(tool, {"operation": "read", "file_path": "secret.txt"})

    assert answer["content"] == SECRET
