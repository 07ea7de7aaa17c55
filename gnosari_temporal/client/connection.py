"""The connection to the Temporal server."""

from __future__ import annotations

from typing import Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, Interceptor
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from ..errors import ServerUnreachable
from ..execution.converter import data_converter
from ..routing import SEARCH_ATTRIBUTES
from ..settings import Settings


async def connect(
    settings: Settings,
    *,
    runtime: Runtime | None = None,
    lazy: bool = False,
    interceptors: tuple[Interceptor, ...] = (),
    **overrides: Any,
) -> Client:
    """A Temporal client by the settings, with the engine's data converter.

    Raises:
        ServerUnreachable: nobody answers; the error names the address and what starts a server.
    """
    arguments = {**settings.connection(), **overrides}
    address = str(arguments["target_host"])
    try:
        return await Client.connect(
            **arguments, data_converter=data_converter, runtime=runtime, lazy=lazy, interceptors=interceptors
        )
    except (RuntimeError, RPCError, OSError) as error:
        raise unreachable(address, error) from error


def unreachable(address: str, error: Exception | None = None) -> ServerUnreachable:
    """The error for a server that does not answer."""
    why = f" ({_reason(error)})" if error is not None else ""
    return ServerUnreachable(
        f"no Temporal server at {address}{why}: start one with `gnosari up` or `gnosari server`, "
        "or set TEMPORAL_ADDRESS",
        address=address,
    )


def has_no_answer(error: RPCError) -> bool:
    """Whether a call failed because nobody answers (any more)."""
    if error.status is RPCStatusCode.UNKNOWN:  # the connection broke in the middle of a call
        return "transport error" in error.message
    return error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED)


def _reason(error: Exception) -> str:
    text = str(error)
    for known in (
        "Connection refused",
        "transport error",
        "dns error",
        "timed out",
        "certificate",
        "Unauthenticated",
        "PermissionDenied",
    ):
        if known.lower() in text.lower():
            return known.lower()
    return text.splitlines()[0][:120] if text else type(error).__name__


async def has_search_attributes(client: Client) -> bool:
    """Whether the server's namespace has the engine's search attributes."""
    try:
        found = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError:
        return False  # Temporal Cloud answers only to its own control plane
    return set(SEARCH_ATTRIBUTES) <= set(found.custom_attributes)
