"""The file tool on real files."""

import asyncio
import fcntl
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal.errors import ToolError, ToolInputError
from gnosari_temporal.tools import ToolCall, load_builtin, run_tool
from gnosari_temporal.tools.context import tool_scope
from gnosari_temporal.tools.files.appends import tag_of


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def tool(base: Path) -> Any:
    return load_builtin("file_operations", {"base_directory": str(base)})


async def do(tool: Any, operation: str, file_path: str = ".", call: ToolCall | None = None, **more: Any) -> Any:
    return await run_tool(tool, {"operation": operation, "file_path": file_path, **more}, call=call)


async def test_what_is_written_is_read_listed_found_and_deleted(tool: Any, base: Path) -> None:
    written = await do(tool, "write", "notes/today.txt", content="grüße")
    read = await do(tool, "read", "notes/today.txt")
    listed = await do(tool, "list", "notes")
    found = await do(tool, "exists", "notes/today.txt")
    deleted = await do(tool, "delete", "notes/today.txt")

    assert written == {"operation": "write", "file_path": "notes/today.txt", "size": 7}
    assert read["content"] == "grüße"
    assert listed["entries"] == [{"name": "today.txt", "type": "file", "size": 7}]
    assert found == {
        "operation": "exists", "file_path": "notes/today.txt", "exists": True, "type": "file", "size": 7,
    }  # fmt: skip
    assert deleted["deleted"] is True
    assert (await do(tool, "exists", "notes/today.txt"))["exists"] is False
    assert list((base / "notes").iterdir()) == []


async def test_delete_and_write_have_the_same_outcome_when_repeated(tool: Any, base: Path) -> None:
    for _ in range(2):
        await do(tool, "write", "a.txt", content="one")
    assert (base / "a.txt").read_text() == "one"

    assert (await do(tool, "delete", "a.txt"))["deleted"] is True
    assert (await do(tool, "delete", "a.txt"))["deleted"] is False


async def test_only_empty_folders_are_deleted(tool: Any, base: Path) -> None:
    await do(tool, "write", "full/a.txt", content="x")
    (base / "empty").mkdir()

    with pytest.raises(ToolInputError, match="only empty folders are deleted"):
        await do(tool, "delete", "full")
    with pytest.raises(ToolInputError, match="the base directory itself is not deleted"):
        await do(tool, "delete", ".")
    assert (await do(tool, "delete", "empty"))["deleted"] is True
    assert (base / "full" / "a.txt").exists()


async def test_a_base_directory_that_does_not_exist_yet_is_empty(tool: Any, base: Path) -> None:
    assert (await do(tool, "list"))["entries"] == []
    assert (await do(tool, "exists", "x"))["exists"] is False
    assert not base.exists()


async def test_missing_folders_are_made_only_if_wanted(tool: Any, base: Path) -> None:
    with pytest.raises(ToolInputError, match="base directory"):
        await do(tool, "write", "deep/er/a.txt", content="x", create_dirs=False)
    base.mkdir()
    with pytest.raises(ToolInputError, match="there is no folder 'deep'"):
        await do(tool, "write", "deep/er/a.txt", content="x", create_dirs=False)

    await do(tool, "write", "deep/er/a.txt", content="x")

    assert (base / "deep" / "er" / "a.txt").read_text() == "x"


async def test_extensions_and_sizes_are_limited(base: Path) -> None:
    tool = load_builtin(
        "file_operations",
        {"base_directory": str(base), "allowed_extensions": [".txt", "MD"], "max_file_size": 10},
    )

    await do(tool, "write", "A.TXT", content="0123456789")
    await do(tool, "write", "b.md", content="")
    with pytest.raises(ToolInputError, match=r"extension '.py' is not among allowed_extensions \('.md', '.txt'\)"):
        await do(tool, "write", "c.py", content="x")
    with pytest.raises(ToolInputError, match="extension ''"):
        await do(tool, "write", "noext", content="x")
    with pytest.raises(ToolInputError, match=r"11 bytes, more than max_file_size \(10\)"):
        await do(tool, "write", "d.txt", content="0123456789A")
    with pytest.raises(ToolInputError, match="11 bytes, more than max_file_size"):
        await do(tool, "append", "A.TXT", content="A")
    (base / "big.txt").write_text("x" * 11)
    with pytest.raises(ToolInputError, match="max_file_size"):
        await do(tool, "read", "big.txt")
    assert sorted(path.name for path in base.iterdir()) == ["A.TXT", "b.md", "big.txt"]


async def test_other_encodings_and_bytes(tool: Any, base: Path) -> None:
    await do(tool, "write", "latin.txt", content="é", encoding="latin-1")
    await do(tool, "write", "raw.bin", content="AP8=", encoding="base64")

    assert (base / "latin.txt").read_bytes() == b"\xe9"
    assert (base / "raw.bin").read_bytes() == b"\x00\xff"
    assert (await do(tool, "read", "raw.bin", encoding="base64"))["content"] == "AP8="
    with pytest.raises(ToolInputError, match=r"encoding: 'raw\.bin' is no utf-8 text"):
        await do(tool, "read", "raw.bin")
    with pytest.raises(ToolInputError, match="encoding: 'klingon' cannot be used"):
        await do(tool, "write", "x", content="x", encoding="klingon")
    with pytest.raises(ToolInputError, match="content: it is no base64"):
        await do(tool, "write", "x", content="?", encoding="base64")


async def test_a_write_keeps_the_mode_and_leaves_no_temporary_file(tool: Any, base: Path) -> None:
    await do(tool, "write", "run.sh", content="old")
    (base / "run.sh").chmod(0o750)

    await do(tool, "write", "run.sh", content="new")

    assert stat.S_IMODE((base / "run.sh").stat().st_mode) == 0o750
    assert [path.name for path in base.iterdir()] == ["run.sh"]


async def test_readers_never_see_half_a_write(tool: Any, base: Path) -> None:
    contents = ["a" * 200_000, "b" * 200_000]
    await do(tool, "write", "f.txt", content=contents[0])
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add((base / "f.txt").read_text())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for turn in range(40):
            await do(tool, "write", "f.txt", content=contents[turn % 2])
    finally:
        stop.set()
        watcher.join()

    assert seen <= set(contents)
    assert seen


async def test_what_a_killed_attempt_left_is_removed_by_the_next(tool: Any, base: Path) -> None:
    call = ToolCall(task_id="t", idempotency_key="k")
    await do(tool, "write", "a.txt", call=call, content="x")
    left = _leave_temporary(base, call, "a.txt")

    await do(tool, "write", "a.txt", call=ToolCall("t", "k", attempt=2), content="x")

    assert not left.exists()


async def test_many_writers_leave_every_file_whole(tool: Any, base: Path) -> None:
    await asyncio.gather(
        *(
            do(tool, "write", f"d/{n % 7}.txt", call=ToolCall(str(n), f"k{n}"), content=f"{n:05d}" * 500)
            for n in range(70)
        )
    )

    for path in (base / "d").iterdir():
        text = path.read_text()
        assert len(text) == 2500
        assert len({text[at : at + 5] for at in range(0, 2500, 5)}) == 1


class TestAppend:
    async def test_an_append_adds_to_the_end_and_makes_the_file(self, tool: Any, base: Path) -> None:
        await do(tool, "append", "log.txt", content="one\n")
        done = await do(tool, "append", "log.txt", content="two\n")

        assert (base / "log.txt").read_text() == "one\ntwo\n"
        assert done["size"] == 8
        assert done["exactly_once"] is False  # outside a job there is no idempotency key

    async def test_every_attempt_of_one_call_appends_once(self, tool: Any, base: Path) -> None:
        for attempt in (1, 2, 3):
            done = await do(tool, "append", "log.txt", ToolCall("t", "key", attempt=attempt), content="x")

        assert (base / "log.txt").read_text() == "x"
        assert done["already_done"] is True
        assert done["exactly_once"] is True

    async def test_the_same_text_by_two_calls_is_appended_twice(self, tool: Any, base: Path) -> None:
        for key in ("a", "b", "a", "b"):
            await do(tool, "append", "log.txt", ToolCall(key, key), content="x")

        assert (base / "log.txt").read_text() == "xx"

    async def test_appends_of_many_workers_at_once_all_arrive_once(self, tool: Any, base: Path) -> None:
        calls = [ToolCall(str(n), f"key-{n}", attempt=attempt) for n in range(30) for attempt in (1, 2)]

        await asyncio.gather(*(do(tool, "append", "log.txt", c, content=f"{c.task_id}\n") for c in calls))

        lines = (base / "log.txt").read_text().split()
        assert sorted(lines, key=int) == [str(n) for n in range(30)]

    async def test_a_worker_killed_at_any_step_appends_once_all_the_same(self, tmp_path: Path) -> None:
        for step in range(1, 50):
            base = tmp_path / str(step)
            tool = load_builtin("file_operations", {"base_directory": str(base)})
            await do(tool, "append", "log.txt", ToolCall("0", "before"), content="before\n")

            killed = _append_in_a_process_killed_at(step, tool, ToolCall("1", "key"), "once\n")
            await do(tool, "append", "log.txt", ToolCall("2", "other"), content="other\n")
            await do(tool, "append", "log.txt", ToolCall("1", "key", attempt=2), content="once\n")

            lines = sorted((base / "log.txt").read_text().split())
            assert lines == ["before", "once", "other"], f"killed before step {step}"
            assert [path.name for path in base.iterdir() if path.suffix == ".tmp"] == []
            if not killed:
                break

        assert step > 7, "the steps of an append were not seen"
        assert not killed

    async def test_the_ledger_and_temporary_files_are_not_shown(self, tool: Any, base: Path) -> None:
        await do(tool, "append", "log.txt", ToolCall("1", "key"), content="x")

        assert [entry["name"] for entry in (await do(tool, "list"))["entries"]] == ["log.txt"]
        with pytest.raises(ToolInputError, match="belong to the tool itself"):
            await do(tool, "list", ".gnosari-appends")

    async def test_a_target_that_turns_into_a_folder_leaves_no_trace_of_the_append(
        self, tool: Any, base: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await do(tool, "write", "x.txt", content="x")
        real = os.rename

        def rename(source: str, target: str, **where: Any) -> None:
            if target == "log.txt":
                os.mkdir(target, dir_fd=where["dst_dir_fd"])
            real(source, target, **where)

        monkeypatch.setattr(os, "rename", rename)
        with pytest.raises(ToolError, match=r"append 'log\.txt' failed"):
            await do(tool, "append", "log.txt", ToolCall("1", "key"), content="x")
        monkeypatch.undo()
        (base / "log.txt").rmdir()

        done = await do(tool, "append", "log.txt", ToolCall("1", "key", attempt=2), content="x")

        assert done["already_done"] is False
        assert (base / "log.txt").read_text() == "x"


async def test_a_held_lock_is_waited_for(tool: Any, base: Path) -> None:
    base.mkdir()
    folder = os.open(base, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    write = asyncio.create_task(do(tool, "write", "a.txt", content="x"))
    await asyncio.sleep(0.2)
    assert not write.done()
    os.close(folder)

    await asyncio.wait_for(write, 5)

    assert (base / "a.txt").read_text() == "x"


async def test_an_error_of_the_system_can_be_retried(tool: Any, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match=r"write 'a\.txt' failed: No space left on device") as caught:
        await do(tool, "write", "a.txt", content="x")

    assert not isinstance(caught.value, ValueError)
    assert list(base.iterdir()) == []


def _leave_temporary(base: Path, call: ToolCall, path: str) -> Path:
    tag = tag_of(f"{call.idempotency_key}\n{path}")
    left = base / f".gnosari-{tag}-00000000.tmp"
    left.write_text("half")
    return left


def _append_in_a_process_killed_at(step: int, tool: Any, call: ToolCall, content: str) -> bool:
    """Append in a process of its own that ends, without any clean-up, before its ``step``-th change to the disk."""
    child = os.fork()
    if child == 0:
        count = 0

        def mortal(real: Any) -> Any:
            def change(*args: Any, **options: Any) -> Any:
                nonlocal count
                count += 1
                if count == step:
                    os._exit(9)
                return real(*args, **options)

            return change

        for name in ("fsync", "rename", "unlink", "mkdir"):
            setattr(os, name, mortal(getattr(os, name)))
        with tool_scope(call=call):
            tool._do(tool.validate({"operation": "append", "file_path": "log.txt", "content": content}))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
