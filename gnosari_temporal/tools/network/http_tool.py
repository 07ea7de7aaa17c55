"""The base of tools that speak HTTP: their common ``args``, and the guarded request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ..base import BaseTool, InputT
from ..context import current_grants
from ..extras import needs_extra
from .policy import NetworkPolicy

if TYPE_CHECKING:
    from .fetch import Fetched, FetchRequest
    from .transport import GuardedBackend


class HttpTool(BaseTool[InputT, dict[str, Any]]):
    """A tool that sends HTTP requests within a network policy.

    ``allow_private`` opens this machine and all private networks, ``allowed_hosts`` single hosts or networks of
    them (``localhost:8080``, ``10.1.0.0/16``), ``only_hosts`` closes everything else. The worker's own
    ``allowed_hosts`` are added at every call.

    Raises:
        ToolDefinitionError: an entry of the lists is no host.
    """

    def __init__(
        self,
        name: str,
        description: str,
        input_schema: type[BaseModel],
        *,
        timeout: timedelta,
        verify_ssl: bool | str,
        allow_private: bool,
        allowed_hosts: Iterable[str] | None,
        only_hosts: Iterable[str] | None,
    ) -> None:
        super().__init__(name, description, input_schema)
        self.timeout = timeout
        self.verify_ssl = verify_ssl
        self.policy = NetworkPolicy.of(
            allow_private=allow_private, allowed_hosts=allowed_hosts or (), only_hosts=only_hosts
        )

    async def fetch(self, request: FetchRequest) -> Fetched:
        """Send a request within the policy.

        Raises:
            ToolInputError: the URL is refused, or a host on the way is.
            ToolError: no answer.
            ToolDefinitionError: the httpx package is missing.
        """
        with needs_extra(self.name):
            from .fetch import fetch
        policy = self.policy.plus(current_grants().allowed_hosts)
        return await fetch(request, policy, backend=self.backend(policy))

    def backend(self, policy: NetworkPolicy) -> GuardedBackend:
        """What opens the connections."""
        from .transport import GuardedBackend

        return GuardedBackend(policy)
