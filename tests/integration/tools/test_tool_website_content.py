"""The website tool against a real HTTP server, with the real extractor."""

from typing import Any

import pytest
from tools_http import Handler, WebServer

from gnosari_temporal.errors import ToolError, ToolInputError
from gnosari_temporal.tools import load_builtin, run_tool

PAGE = """<!doctype html><html><head><title>Bees and winter</title><script>var tracker = 1;</script></head>
<body><nav><a href="/">Home</a><a href="/login">Log in</a></nav>
<article><h1>Bees and winter</h1>
<p>Honey bees do not sleep through the winter. They gather in a tight ball around their queen and shiver to keep
warm, taking turns on the cold outside of the ball.</p>
<p>A colony needs some fifteen kilograms of honey to see the spring, as <a href="/study">a study</a> found. The
keeper weighs the hive in autumn and feeds what is missing.</p>
<table><tr><th>Month</th><th>Honey</th></tr><tr><td>January</td><td>1 kg</td></tr></table>
</article><footer>Cookie settings. Imprint. All rights reserved.</footer></body></html>"""


def html(content: str, status: int = 200, kind: str = "text/html; charset=utf-8") -> Any:
    def answer(handler: Handler) -> None:
        handler.reply(status, content.encode(), {"Content-Type": kind})

    return answer


@pytest.fixture
def tool(web: WebServer) -> Any:
    return load_builtin("website_content", {"allowed_hosts": [web.host]})


async def test_a_page_is_given_as_a_reader_reads_it(tool: Any, web: WebServer) -> None:
    web.routes["/bees"] = html(PAGE)

    page = await run_tool(tool, {"url": f"{web.url}/bees"})

    assert page["title"] == "Bees and winter"
    assert "gather in a tight ball" in page["content"]
    assert "fifteen kilograms" in page["content"]
    for noise in ("Log in", "Cookie settings", "tracker", "<p>"):
        assert noise not in page["content"]
    assert page["truncated"] is False
    assert page["url"] == f"{web.url}/bees"


async def test_links_are_kept_in_markdown_and_left_out_of_text(tool: Any, web: WebServer) -> None:
    web.routes["/bees"] = html(PAGE)

    markdown = (await run_tool(tool, {"url": f"{web.url}/bees"}))["content"]
    text = (await run_tool(tool, {"url": f"{web.url}/bees", "format": "text"}))["content"]

    assert f"]({web.url}/study)" in markdown or "](/study)" in markdown
    assert "/study" not in text
    assert "a study" in text


async def test_a_page_without_an_article_gives_all_its_text(tool: Any, web: WebServer) -> None:
    web.routes["/short"] = html("<html><body><div>Open from nine to five</div></body></html>")

    assert "Open from nine to five" in (await run_tool(tool, {"url": f"{web.url}/short"}))["content"]


async def test_plain_text_and_markdown_are_given_as_they_are(tool: Any, web: WebServer) -> None:
    web.routes["/a.md"] = html("# Title\n\n*text*", kind="text/markdown")

    assert (await run_tool(tool, {"url": f"{web.url}/a.md"}))["content"] == "# Title\n\n*text*"


async def test_redirects_are_followed_and_long_texts_cut(web: WebServer) -> None:
    tool = load_builtin("website_content", {"allowed_hosts": [web.host], "max_text_length": 20})
    web.redirect("/old", "/bees")
    web.routes["/bees"] = html(PAGE)

    page = await run_tool(tool, {"url": f"{web.url}/old"})

    assert page["url"] == f"{web.url}/bees"
    assert len(page["content"]) == 20
    assert page["truncated"] is True


async def test_a_reader_service_is_asked_as_in_gnosari(web: WebServer) -> None:
    tool = load_builtin("website_content", {"base_url": web.url, "allowed_hosts": [web.host]})
    web.routes["/https://example.com/page"] = html("read for you", kind="text/plain")

    assert (await run_tool(tool, {"url": "https://example.com/page"}))["content"] == "read for you"


async def test_what_cannot_be_read_is_said(tool: Any, web: WebServer) -> None:
    web.routes["/gone"] = html("no", status=404)
    web.routes["/down"] = html("no", status=503)
    web.routes["/pdf"] = html("%PDF", kind="application/pdf")

    with pytest.raises(ToolInputError, match="answered 404"):
        await run_tool(tool, {"url": f"{web.url}/gone"})
    with pytest.raises(ToolInputError, match="is application/pdf, which has no text"):
        await run_tool(tool, {"url": f"{web.url}/pdf"})
    with pytest.raises(ToolError, match="answered 503") as caught:
        await run_tool(tool, {"url": f"{web.url}/down"})
    assert not isinstance(caught.value, ValueError)


async def test_an_older_charset_is_understood(tool: Any, web: WebServer) -> None:
    def answer(handler: Handler) -> None:
        page = PAGE.replace("Honey bees", "Bienen für Höfe")
        handler.reply(200, page.encode("latin-1"), {"Content-Type": "text/html; charset=iso-8859-1"})

    web.routes["/latin"] = answer

    assert "Bienen für Höfe" in (await run_tool(tool, {"url": f"{web.url}/latin"}))["content"]
