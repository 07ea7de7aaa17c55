"""KnowledgeQueryTool: full-text search over a folder of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, validate_call

from ...errors import ToolInputError
from ..arguments import shown
from ..base import BaseTool
from ..files.paths import split_path
from ..knowledge.index import DEFAULT_EXTENSIONS, KnowledgeIndex
from ..threads import in_thread


class KnowledgeQuery(BaseModel):
    """The arguments of one search."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, description="What to look for, in words or as a question")
    knowledge_name: str | None = Field(
        default=None, description="Name of a knowledge base: a folder of the knowledge directory; none: all of it"
    )
    limit: int = Field(default=5, ge=1, le=50, description="Most passages to return")


class KnowledgeQueryTool(BaseTool[KnowledgeQuery, dict[str, Any]]):
    """Passages of a folder's texts that fit a question, the best first.

    The texts are indexed with SQLite's FTS5, in one file beside them; before every search the index takes up what
    was added, changed or deleted. It needs neither a network nor a model: it finds words (and English words by
    their stem), not meanings.
    """

    @validate_call
    def __init__(
        self,
        directory: str = "./knowledge",
        index_file: str | None = None,
        extensions: list[str] | None = None,
        max_file_size: Annotated[int, Field(gt=0)] = 5_000_000,
        tool_name: str = "knowledge_query",
        tool_description: str = "Search the knowledge base for relevant passages",
    ) -> None:
        """``directory`` holds the texts, relative to the worker's working directory.

        Its folders are the knowledge bases that a call can name. ``index_file`` is by default
        ``.gnosari-knowledge.db`` in ``directory``; set it where that is not writable. ``extensions`` are by
        default .md, .markdown, .txt and .rst. Files above ``max_file_size`` bytes are left out.
        """
        super().__init__(tool_name, tool_description, KnowledgeQuery)
        folder = Path(directory)
        chosen = DEFAULT_EXTENSIONS if extensions is None else tuple(extensions)
        self.index = KnowledgeIndex(
            folder,
            Path(index_file) if index_file else None,
            extensions=tuple(item.lower() if item.startswith(".") else f".{item.lower()}" for item in chosen),
            max_file_size=max_file_size,
        )

    async def run(self, input_data: KnowledgeQuery) -> dict[str, Any]:
        """Bring the index up to date and search it.

        Raises:
            ToolInputError: there is no such knowledge base.
            ToolDefinitionError: there is no such directory, or the index cannot be written.
        """
        return await in_thread(lambda: self._search(input_data))

    def _search(self, wanted: KnowledgeQuery) -> dict[str, Any]:
        prefix = ""
        if wanted.knowledge_name is not None:
            known = self.index.folders()
            prefix = "/".join(split_path(wanted.knowledge_name, field="knowledge_name"))
            if prefix not in known:
                names = ", ".join(known) or "none"
                raise ToolInputError(
                    f"knowledge_name: there is no knowledge base {shown(wanted.knowledge_name)} (there are: {names})",
                    fields=("knowledge_name",),
                )
        updated = self.index.update()
        passages = self.index.search(wanted.query, limit=wanted.limit, folder=prefix)
        return {
            "query": wanted.query,
            "results": [passage.as_result() for passage in passages],
            "files": updated.files,
            "skipped": list(updated.skipped),
        }
