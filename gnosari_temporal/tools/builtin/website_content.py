"""WebsiteContentTool: the readable text of a web page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, validate_call

from ...durations import PositiveDuration
from ...errors import ToolError, ToolInputError
from ..extras import needs_extra
from ..network.http_tool import HttpTool
from ..threads import in_thread

if TYPE_CHECKING:
    from ..network.fetch import Fetched

_PLAIN = ("text/plain", "text/markdown", "text/csv", "application/json", "application/xml", "text/xml")
_HTML = ("text/html", "application/xhtml+xml", "")


class WebsiteRequest(BaseModel):
    """The arguments of one fetch."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="The URL of the page")
    format: Literal["markdown", "text"] = Field(default="markdown", description="How the text is written")


class WebsiteContentTool(HttpTool[WebsiteRequest]):
    """Fetch a page and keep what a reader would read: no menus, advertisements or scripts.

    The page's own scripts are not run. The same guard as the API tool's stands before this machine and private
    networks.
    """

    @validate_call
    def __init__(
        self,
        base_url: str | None = None,
        timeout: PositiveDuration = timedelta(seconds=30),
        verify_ssl: bool | str = True,
        max_page_size: Annotated[int, Field(gt=0)] = 5_000_000,
        max_text_length: Annotated[int, Field(gt=0)] = 100_000,
        include_links: bool = True,
        allow_private: bool = False,
        allowed_hosts: list[str] | None = None,
        only_hosts: list[str] | None = None,
        tool_name: str = "website_content",
        tool_description: str = "Fetch a web page and give its readable text",
    ) -> None:
        """``base_url`` is a reader service that is asked for ``<base_url>/<url>``, as in Gnosari; None: no service.

        ``max_page_size`` (bytes) and ``max_text_length`` (characters) cut what is longer. The other arguments
        are those of the API tool.
        """
        super().__init__(
            tool_name,
            tool_description,
            WebsiteRequest,
            timeout=timeout,
            verify_ssl=verify_ssl,
            allow_private=allow_private,
            allowed_hosts=allowed_hosts,
            only_hosts=only_hosts,
        )
        self.base_url = None if base_url is None else base_url.rstrip("/")
        self.max_page_size = max_page_size
        self.max_text_length = max_text_length
        self.include_links = include_links

    async def run(self, input_data: WebsiteRequest) -> dict[str, Any]:
        """Fetch the page and extract its text.

        Raises:
            ToolInputError: the URL or its host is refused, there is no such page, or it is no text.
            ToolError: no answer, or an error of the server.
        """
        with needs_extra(self.name):
            from ..network.fetch import FetchRequest
        url = input_data.url.strip()
        if "://" not in url and self.base_url is None:
            url = f"https://{url}"
        answer = await self.fetch(
            FetchRequest(
                url=url if self.base_url is None else f"{self.base_url}/{url.lstrip('/')}",
                accept="text/html, application/xhtml+xml, text/markdown, text/plain;q=0.9, */*;q=0.1",
                timeout=self.timeout,
                limit=self.max_page_size,
                verify=self.verify_ssl,
            )
        )
        _check_answer(answer, url)
        title, text = await self._extract(answer, input_data.format)
        return {
            "url": answer.url,
            "title": title,
            "content": text[: self.max_text_length],
            "truncated": answer.truncated or len(text) > self.max_text_length,
        }

    async def _extract(self, answer: Fetched, form: str) -> tuple[str | None, str]:
        if answer.media_type in _PLAIN:
            return None, answer.text()
        return await in_thread(
            lambda: readable_text(answer.text(), url=answer.url, markdown=form == "markdown", links=self.include_links)
        )


def readable_text(html: str, *, url: str, markdown: bool, links: bool) -> tuple[str | None, str]:
    """Title and readable text of a page; a page without an article gives all its text.

    Raises:
        ToolDefinitionError: the trafilatura package is missing.
    """
    with needs_extra("website_content"):
        import trafilatura
    text = trafilatura.extract(
        html,
        url=url,
        output_format="markdown" if markdown else "txt",
        include_links=links and markdown,
        include_tables=True,
        favor_recall=True,
    )
    metadata = trafilatura.extract_metadata(html, default_url=url)
    title = getattr(metadata, "title", None)
    return title, text or trafilatura.html2txt(html)


def _check_answer(answer: Fetched, url: str) -> None:
    said = f"{url} answered {answer.status} {answer.reason}".strip()
    if answer.status >= 500 or answer.status in (408, 425, 429):
        raise ToolError(said)
    if answer.status >= 400:
        raise ToolInputError(said, fields=("url",))
    if answer.media_type not in (*_PLAIN, *_HTML) and not answer.media_type.startswith("text/"):
        raise ToolInputError(f"{url} is {answer.media_type}, which has no text to read", fields=("url",))
