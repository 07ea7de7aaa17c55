"""The guarded connection: a name is resolved once, every address is checked, a checked one is connected to.

The check stands where sockets are opened, below redirects and connection reuse, so there is no way round it; and
since the connection is made to the checked address and not to the name, a name that changes its mind between the
check and the connection (DNS rebinding) gains nothing. TLS still verifies the name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpcore
import httpx

from ...errors import ToolDefinitionError, ToolError, ToolInputError
from ..arguments import shown
from .addresses import Address, parse_address
from .policy import NetworkPolicy

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""From a host name and a port to its addresses."""


async def system_resolver(host: str, port: int) -> list[str]:
    """All addresses that the system knows for a name.

    Raises:
        ToolError: it knows none; names can come and go, so another attempt may succeed.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ToolError(f"the host {shown(host)} cannot be resolved: {reason}") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(
    host: str, port: int, policy: NetworkPolicy, resolve: Resolver = system_resolver
) -> list[Address]:
    """The addresses of a host, all of which the policy allows.

    Raises:
        ToolInputError: the policy refuses the host or one of its addresses.
        ToolError: the host has no address.
    """
    policy.check_host(host, port)
    literal = parse_address(host)
    texts = [str(literal)] if literal is not None else await resolve(host, port)
    addresses = [parse_address(text) for text in texts]
    if not addresses:
        raise ToolError(f"the host {shown(host)} has no address")
    for address, text in zip(addresses, texts, strict=True):
        if address is None:
            raise ToolInputError(f"the host {shown(host)} leads to {shown(text)}, which is no address")
        policy.check_address(host, port, address)
    return [address for address in addresses if address is not None]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens sockets to checked addresses only."""

    def __init__(
        self,
        policy: NetworkPolicy,
        resolve: Resolver = system_resolver,
        dial: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """``dial`` opens the socket to the checked address."""
        self._policy = policy
        self._resolve = resolve
        self._dial = dial or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every address, connect to the first that answers."""
        addresses = await checked_addresses(host, port, self._policy, self._resolve)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._dial.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure if failure is not None else httpcore.ConnectError("no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: a Unix socket is this machine's."""
        raise ToolInputError(f"the socket {shown(path)} belongs to this machine, and tools do not connect there")

    async def sleep(self, seconds: float) -> None:
        """Wait, for httpcore."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx's transport over a ``GuardedBackend``; no proxies, no retries, nothing from the environment."""

    def __init__(self, backend: GuardedBackend, verify: bool | str = True) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context(verify), network_backend=backend, retries=0, http2=False
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; httpcore's exceptions come out as httpx's."""
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            response = await self._pool.handle_async_request(
                httpcore.Request(
                    request.method,
                    target,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except _CORE_ERRORS as error:
            raise _as_httpx(error, request) from error
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, request),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_stream():
                yield chunk
        except _CORE_ERRORS as error:
            raise _as_httpx(error, self._request) from error

    async def aclose(self) -> None:
        await self._response.aclose()


_CORE_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


def _as_httpx(error: Exception, request: httpx.Request) -> httpx.TransportError:
    text = str(error) or type(error).__name__
    if isinstance(error, httpcore.TimeoutException):
        return httpx.TimeoutException(text, request=request)
    if isinstance(error, httpcore.NetworkError):
        return httpx.NetworkError(text, request=request)
    return httpx.ProtocolError(text, request=request)


@lru_cache(maxsize=8)
def ssl_context(verify: bool | str) -> ssl.SSLContext:
    """The TLS settings for ``verify_ssl``: certifi's authorities, none at all, or those of a PEM file or folder.

    Raises:
        ToolDefinitionError: the file cannot be used.
    """
    if isinstance(verify, bool):
        return httpx.create_ssl_context(verify=verify, trust_env=False)
    path = Path(verify)
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=verify)
        return ssl.create_default_context(cafile=verify)
    except OSError as error:
        raise ToolDefinitionError(
            f"verify_ssl: {shown(verify)} is no file of certificates ({error}); write true, false or the path "
            "of a PEM file"
        ) from None
