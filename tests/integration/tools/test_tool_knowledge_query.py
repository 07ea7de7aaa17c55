"""The knowledge tool over real folders and real SQLite."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal.errors import ToolDefinitionError, ToolInputError
from gnosari_temporal.tools import load_builtin, run_tool
from gnosari_temporal.tools.knowledge.index import KnowledgeIndex
from gnosari_temporal.tools.knowledge.passages import LONGEST, passages_of

GUIDE = """# Hive guide

Keep bees warm.

## Winter

Bees gather around the queen. Feeding sugar in January is too late.

```
# not a heading
```

## Summer

Swarms leave when the hive is crowded.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "knowledge"
    (base / "bees").mkdir(parents=True)
    (base / "law").mkdir()
    (base / "bees" / "guide.md").write_text(GUIDE)
    (base / "law" / "honey.txt").write_text("A jar must name its weight.\n\nThe word honey is protected by law.")
    (base / "readme.txt").write_text("Two shelves: bees and law. Café at noon.")
    return base


@pytest.fixture
def tool(folder: Path) -> Any:
    return load_builtin("knowledge_query", {"directory": str(folder)})


async def ask(tool: Any, query: str, **more: Any) -> list[dict[str, Any]]:
    return list((await run_tool(tool, {"query": query, **more}))["results"])


async def test_a_question_finds_the_passage_under_its_headings(tool: Any) -> None:
    found = await ask(tool, "When is it too late to feed the bees in winter?")

    assert found[0]["file"] == "bees/guide.md"
    assert found[0]["heading"] == "Hive guide > Winter"
    assert found[0]["line"] == 5
    assert "**" in found[0]["snippet"]
    assert "Feeding sugar in January" in found[0]["text"]
    assert [entry["score"] for entry in found] == sorted((entry["score"] for entry in found), reverse=True)


async def test_word_forms_and_accents_are_found(tool: Any) -> None:
    assert (await ask(tool, "swarm"))[0]["heading"] == "Hive guide > Summer"
    assert (await ask(tool, "cafe"))[0]["file"] == "readme.txt"


async def test_a_knowledge_base_is_a_folder(tool: Any) -> None:
    assert {found["file"] for found in await ask(tool, "bees honey", knowledge_name="law")} == {"law/honey.txt"}
    for name in ("nowhere", "../knowledge", "/etc"):
        with pytest.raises(ToolInputError, match="knowledge_name"):
            await ask(tool, "bees", knowledge_name=name)
    with pytest.raises(ToolInputError, match=r"there are: bees, law"):
        await ask(tool, "bees", knowledge_name="nowhere")


@pytest.mark.parametrize(
    "query", ['"', "*", "AND OR NOT", 'a" OR b', "heading: x", "NEAR(a b)", "-bees", "bees^2", "(bees"]
)
async def test_the_search_language_of_the_index_does_not_show(tool: Any, query: str) -> None:
    if any(mark.isalpha() for mark in query):
        await ask(tool, query)
    else:
        with pytest.raises(ToolInputError, match="there is no word in"):
            await ask(tool, query)


async def test_the_index_follows_the_files(tool: Any, folder: Path) -> None:
    assert await ask(tool, "propolis") == []

    (folder / "bees" / "new.md").write_text("# Propolis\n\nBees seal gaps with it.")
    assert [found["file"] for found in await ask(tool, "propolis")] == ["bees/new.md"]

    (folder / "bees" / "new.md").write_text("# Pollen\n\nBees collect it.")
    assert await ask(tool, "propolis") == []
    assert [found["file"] for found in await ask(tool, "pollen")] == ["bees/new.md"]

    (folder / "bees" / "new.md").rename(folder / "law" / "moved.md")
    assert [found["file"] for found in await ask(tool, "pollen")] == ["law/moved.md"]

    (folder / "law" / "moved.md").unlink()
    assert await ask(tool, "pollen") == []


async def test_a_change_within_one_tick_of_the_clock_and_of_the_same_size_is_seen(tool: Any, folder: Path) -> None:
    path = folder / "tick.txt"
    path.write_text("aaaa")
    await ask(tool, "aaaa")
    before = path.stat()
    path.write_text("bbbb")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert [found["file"] for found in await ask(tool, "bbbb")] == ["tick.txt"]


def test_only_what_changed_is_indexed_again(folder: Path) -> None:
    index = KnowledgeIndex(folder)
    for path in folder.rglob("*.*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))

    first = index.update()
    second = index.update()
    (folder / "readme.txt").write_text("changed")
    third = index.update()

    assert (first.files, first.indexed) == (3, 3)
    assert (second.files, second.indexed, second.removed) == (3, 0, 0)
    assert third.indexed == 1


async def test_what_is_no_text_is_left_out_and_said(tool: Any, folder: Path) -> None:
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00bees")
    (folder / "big.txt").write_bytes(b"bees " * 1_100_000)
    (folder / "image.png").write_bytes(b"bees")
    (folder / ".hidden.md").write_text("bees")
    (folder / "link.md").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.txt")
    (folder / "outside").symlink_to("/etc")

    answer = await run_tool(tool, {"query": "bees root"})

    assert answer["skipped"] == ["big.txt", "binary.txt"]
    assert answer["files"] == 3
    assert {found["file"] for found in answer["results"]} == {"bees/guide.md", "readme.txt"}


async def test_many_processes_share_one_index(folder: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from gnosari_temporal.tools import load_builtin, run_tool\n"
        "tool = load_builtin('knowledge_query', {'directory': sys.argv[1]})\n"
        "print(len(asyncio.run(run_tool(tool, {'query': 'bees'}))['results']))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]

    assert [process.communicate(timeout=60)[0].strip() for process in running] == ["3"] * 4


async def test_searches_at_once_in_one_process(tool: Any, folder: Path) -> None:
    for number in range(30):
        (folder / f"{number}.txt").write_text(f"bees number {number}")

    answers = await asyncio.gather(*(ask(tool, f"number {n}", limit=1) for n in range(30)))

    assert [found[0]["file"] for found in answers] == [f"{n}.txt" for n in range(30)]


async def test_a_broken_index_is_made_anew_but_nobody_elses_file_is_touched(folder: Path, tmp_path: Path) -> None:
    own = folder / ".gnosari-knowledge.db"
    own.write_bytes(b"this is no database, whatever its name says" * 100)
    assert (await ask(load_builtin("knowledge_query", {"directory": str(folder)}), "bees"))[0]["file"]

    notes, other = tmp_path / "notes.txt", tmp_path / "other.db"
    notes.write_text("precious" * 1000)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    for file in (notes, other):
        before = file.read_bytes()
        tool = load_builtin("knowledge_query", {"directory": str(folder), "index_file": str(file)})
        with pytest.raises(ToolDefinitionError, match="is no knowledge index of this version"):
            await ask(tool, "bees")
        assert file.read_bytes() == before


async def test_the_index_can_stand_elsewhere(folder: Path, tmp_path: Path) -> None:
    tool = load_builtin("knowledge_query", {"directory": str(folder), "index_file": str(tmp_path / "index.db")})

    assert await ask(tool, "bees")
    assert not (folder / ".gnosari-knowledge.db").exists()
    assert (tmp_path / "index.db").exists()


async def test_what_cannot_work_is_said(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ToolDefinitionError, match=r"knowledge directory .*nowhere' cannot be read: No such file"):
        await ask(load_builtin("knowledge_query", {"directory": str(tmp_path / "nowhere")}), "x")
    with pytest.raises(ToolDefinitionError, match="set index_file to a writable place"):
        await ask(
            load_builtin("knowledge_query", {"directory": str(folder), "index_file": str(tmp_path / "no" / "dir.db")}),
            "x",
        )


async def test_other_extensions(folder: Path) -> None:
    (folder / "code.PY").write_text("def bees(): pass")
    tool = load_builtin("knowledge_query", {"directory": str(folder), "extensions": ["py"]})

    assert [found["file"] for found in await ask(tool, "bees")] == ["code.PY"]


def test_long_texts_are_cut_between_paragraphs_and_nothing_is_lost() -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "words " * 60 for n in range(40)) + "\n\n" + "x" * 10_000

    passages = list(passages_of(text, markdown=False))

    assert all(len(passage.text) <= 5 * LONGEST for passage in passages)
    assert sum(passage.text.count("Paragraph") for passage in passages) == 40
    assert "".join(passages[-1].text.split()).count("x") + sum(p.text.count("x") for p in passages[:-1]) >= 10_000
    assert [passage.line for passage in passages] == sorted(passage.line for passage in passages)
