"""TeamKnowledgeTool: full-text search over the knowledge that a team file describes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, validate_call

from ...errors import ToolDefinitionError, ToolInputError
from ..arguments import shown
from ..base import BaseTool
from ..knowledge.index import DEFAULT_EXTENSIONS, KnowledgeIndex
from ..threads import in_thread
from .knowledge_query import KnowledgeQuery

_EXTENSIONS = (*DEFAULT_EXTENSIONS, ".mdx", ".csv", ".json", ".xml", ".html", ".htm", ".yaml", ".yml")


class KnowledgeSource(BaseModel):
    """One entry of a team's knowledge."""

    model_config = ConfigDict(extra="ignore")

    id: str
    name: str
    source: Literal["text", "file", "directory"]
    data: tuple[str, ...] = ()


class TeamKnowledgeTool(BaseTool[KnowledgeQuery, dict[str, Any]]):
    """Passages of a team's texts, files and directories that fit a question, the best first.

    Directories are indexed as ``knowledge_query`` does it, in a file of their own; texts and single files anew for
    every search.
    """

    @validate_call
    def __init__(
        self,
        knowledge: list[KnowledgeSource],
        tool_name: str = "knowledge_query",
        tool_description: str = "Search the team's knowledge for relevant passages",
    ) -> None:
        """Paths in ``knowledge`` are relative to the worker's working directory."""
        super().__init__(tool_name, tool_description, KnowledgeQuery)
        self.knowledge = knowledge

    async def run(self, input_data: KnowledgeQuery) -> dict[str, Any]:
        """Search all of the knowledge, or the entry whose id or name is given.

        Raises:
            ToolInputError: there is no such entry.
            ToolDefinitionError: a path is not there.
        """
        return await in_thread(lambda: self._search(input_data))

    def _search(self, wanted: KnowledgeQuery) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        for item in self._chosen(wanted.knowledge_name):
            for index in _indexes(item):
                index.update()
                passages = index.search(wanted.query, limit=wanted.limit)
                found += [{"knowledge": item.id, **passage.as_result()} for passage in passages]
        found.sort(key=lambda passage: -passage["score"])
        return {"query": wanted.query, "results": found[: wanted.limit]}

    def _chosen(self, name: str | None) -> list[KnowledgeSource]:
        if name is None:
            return self.knowledge
        chosen = [item for item in self.knowledge if name in (item.id, item.name)]
        if not chosen:
            names = ", ".join(item.id for item in self.knowledge) or "none"
            raise ToolInputError(
                f"knowledge_name: there is no knowledge {shown(name)} (there are: {names})", fields=("knowledge_name",)
            )
        return chosen


def _indexes(item: KnowledgeSource) -> Iterator[KnowledgeIndex]:
    """An index of every directory of an entry, and one of its texts or files together."""
    if item.source == "directory":
        for path in item.data:
            yield KnowledgeIndex(Path(path), extensions=_EXTENSIONS)
        return
    with tempfile.TemporaryDirectory(prefix="gnosari-knowledge-") as directory:
        for number, text in enumerate(item.data, 1):
            if item.source == "text":
                (Path(directory) / f"{number}.md").write_text(text, encoding="utf-8")
            else:
                _copy(Path(text), Path(directory), number)
        yield KnowledgeIndex(Path(directory), extensions=_EXTENSIONS)


def _copy(file: Path, directory: Path, number: int) -> None:
    suffix = file.suffix if file.suffix.lower() in _EXTENSIONS else ".txt"
    try:
        shutil.copyfile(file, directory / f"{number}-{file.stem}{suffix}")
    except OSError as error:
        raise ToolDefinitionError(f"the knowledge file {str(file)!r} cannot be read: {error.strerror}") from None
