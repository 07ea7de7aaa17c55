"""The session: a coroutine run with a client that is connected by the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from . import logs

if TYPE_CHECKING:
    from ..client import GnosariClient
    from ..registry import Registry
    from ..settings import Settings

T = TypeVar("T")

CONNECT_SECONDS = 10.0
"""After how long a server that accepts the connection and says nothing counts as unreachable."""


def call(
    settings: Settings,
    work: Callable[[GnosariClient], Awaitable[T]],
    *,
    registry: Registry | None = None,
    debug: bool = False,
) -> T:
    """Run ``work`` with a connected client, and return what it returns.

    Raises:
        ServerUnreachable: nobody answers.
    """
    logs.set_up("error", debug=debug)
    return asyncio.run(_run(settings, work, registry))


async def _run(settings: Settings, work: Callable[[GnosariClient], Awaitable[T]], registry: Registry | None) -> T:
    from temporalio.service import RPCError

    from ..client.connection import has_no_answer, unreachable

    client = await connected(settings, registry=registry)
    try:
        return await work(client)
    except RPCError as error:
        if has_no_answer(error):  # it was there a moment ago
            raise unreachable(settings.address, error) from error
        raise


async def connected(settings: Settings, *, registry: Registry | None = None, **overrides: Any) -> GnosariClient:
    """A client connected by the settings; ``overrides`` are arguments of Temporal's connect.

    Raises:
        ServerUnreachable: nobody answers, or not in time.
    """
    from ..client import GnosariClient
    from ..client.connection import unreachable

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await GnosariClient.connect(settings, registry=registry, runtime=logs.runtime(), **overrides)
    except TimeoutError as error:
        address = str(overrides.get("target_host") or settings.address)
        raise unreachable(address, TimeoutError("timed out")) from error


async def check_namespace(client: GnosariClient) -> None:
    """Make sure that the client's namespace is on the server.

    Raises:
        SettingsError: it is not.
    """
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.service import RPCError, RPCStatusCode

    from ..errors import SettingsError

    temporal = client.temporal
    try:
        await temporal.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=temporal.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            return  # not allowed to ask, for one: the first call that needs the namespace tells
        address = temporal.service_client.config.target_host
        raise SettingsError(
            f"there is no namespace {temporal.namespace!r} at {address}: set TEMPORAL_NAMESPACE, or create it with "
            f"`temporal operator namespace create {temporal.namespace}`"
        ) from error
