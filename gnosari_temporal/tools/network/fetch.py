"""One HTTP request of a tool: guarded, with its redirects, within a time and a size."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx

from ...errors import ToolError, ToolInputError
from ..arguments import shown
from .policy import NetworkPolicy
from .transport import GuardedBackend, GuardedTransport

USER_AGENT: Final = "gnosari-temporal"
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_LONGEST_URL: Final = 8192


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch, and within which limits."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent to the origin of ``url`` only: a redirect to another origin goes without them."""
    params: Mapping[str, Any] | None = None
    content: bytes | None = None
    accept: str = "*/*"
    timeout: timedelta = timedelta(seconds=30)
    """For everything: names, connections, redirects, the body."""
    limit: int = 512 * 1024
    """Bytes of the body, after decompression, that are kept; the rest is not read."""
    verify: bool | str = True
    follow_redirects: bool = True
    """False: a redirect is the answer."""
    max_redirects: int = 5


@dataclass(frozen=True)
class Fetched:
    """The answer."""

    status: int
    reason: str
    url: str
    """Where it came from in the end."""
    headers: httpx.Headers
    content: bytes
    truncated: bool
    """The body was larger than the limit and is cut there."""
    redirects: int

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in small letters."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def text(self) -> str:
        """The body as text, by the charset of the content type, else UTF-8; what is neither is replaced."""
        charset = httpx.Response(200, headers=self.headers).charset_encoding or "utf-8"
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")


async def fetch(
    wanted: FetchRequest,
    policy: NetworkPolicy,
    *,
    backend: GuardedBackend | None = None,
) -> Fetched:
    """Send a request and follow its redirects; every connection goes through the policy.

    Raises:
        ToolInputError: the URL is refused, or the policy refuses a host on the way.
        ToolError: no answer (no connection, a time-out, a broken answer); another attempt may succeed.
    """
    guarded = backend or GuardedBackend(policy)
    seconds = wanted.timeout.total_seconds()
    try:
        async with asyncio.timeout(seconds), GuardedTransport(guarded, wanted.verify) as transport:
            client = httpx.AsyncClient(transport=transport, trust_env=False, timeout=seconds)
            return await _follow(client, wanted)
    except TimeoutError:
        raise ToolError(f"{wanted.method} {_origin(wanted.url)}: no full answer within {seconds:g} s") from None
    except httpx.HTTPError as error:
        text = str(error) or type(error).__name__
        raise ToolError(f"{wanted.method} {_origin(wanted.url)}: {text}") from error


async def _follow(client: httpx.AsyncClient, wanted: FetchRequest) -> Fetched:
    url = check_url(wanted.url)
    if wanted.params:
        url = url.copy_merge_params(dict(wanted.params))
    method, content, first = wanted.method, wanted.content, _place(url)
    for hop in range(wanted.max_redirects + 1):
        own = dict(wanted.headers) if _place(url) == first else {}
        headers = {"User-Agent": USER_AGENT, "Accept": wanted.accept, **_titled(own), "Accept-Encoding": "gzip"}
        request = client.build_request(method, url, headers=headers, content=content)
        response = await client.send(request, stream=True)
        try:
            moved = response.status_code in _REDIRECTS and "location" in response.headers
            if not (moved and wanted.follow_redirects):
                return await _read(response, wanted.limit, hop)
            target = _target(url, response.headers["location"])
            if response.status_code == 303 or (response.status_code in (301, 302) and method == "POST"):
                method, content = ("HEAD" if method == "HEAD" else "GET"), None
            if content is not None and _place(target) != first:
                raise ToolInputError(
                    f"{_origin(str(url))} redirects {method} with its body to {_origin(str(target))}, another "
                    "origin; the body is not sent there"
                )
            url = target
        finally:
            await response.aclose()
    raise ToolInputError(f"{_origin(wanted.url)} redirects more than {wanted.max_redirects} times")


def check_url(text: str) -> httpx.URL:
    """A URL that a tool may be asked for: http or https, with a host and without credentials.

    Raises:
        ToolInputError: it is something else.
    """
    if len(text) > _LONGEST_URL:
        raise ToolInputError(f"the URL has {len(text)} characters, at most {_LONGEST_URL} are accepted")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ToolInputError(f"{shown(text)} is no URL: {error}") from None
    if url.scheme not in ("http", "https"):
        raise ToolInputError(f"{shown(text)} is no http or https URL")
    if not url.host:
        raise ToolInputError(f"{shown(text)} has no host")
    if url.userinfo:
        raise ToolInputError(f"the URL of {shown(url.host)} has credentials in it; give them as a header")
    return url


def _target(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return check_url(str(url.join(location)))
    except (httpx.InvalidURL, ValueError) as error:
        raise ToolInputError(f"{_origin(str(url))} redirects to {shown(location)}: {error}") from None


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _origin(text: str) -> str:
    """The URL without path and query, which may hold secrets, for messages."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError):
        return shown(text)
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace').rpartition('@')[2]}"


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by one spelling of their names, so that one given twice replaces and does not double."""
    return {name.title(): value for name, value in headers.items()}


async def _read(response: httpx.Response, limit: int, hops: int) -> Fetched:
    content, truncated = b"", False
    async for chunk in _decoded(response, limit):
        content += chunk
        if len(content) > limit:
            content, truncated = content[:limit], True
            break
    return Fetched(
        status=response.status_code,
        reason=response.reason_phrase,
        url=str(response.url),
        headers=response.headers,
        content=content,
        truncated=truncated,
        redirects=hops,
    )


async def _decoded(response: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    """The body, decompressed in steps, so that a small body that unpacks to gigabytes never does."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip"):
        raise ToolError(
            f"{_origin(str(response.url))} answers in the encoding {shown(encoding)}, which was not asked for"
        )
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    packed = 0
    try:
        async for chunk in response.aiter_raw():
            packed += len(chunk)
            yield unpacker.decompress(chunk, limit + 1)
        if packed and not unpacker.eof:
            raise zlib.error("it breaks off")
    except zlib.error as error:
        raise ToolError(f"{_origin(str(response.url))} answers with broken gzip: {error}") from None
