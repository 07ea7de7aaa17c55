"""The network policy: which hosts and addresses a tool may reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from ...errors import ToolDefinitionError, ToolInputError
from ..arguments import shown
from .addresses import Address, carried, own_addresses, parse_address, refusal


@dataclass(frozen=True)
class HostPattern:
    """A host, a domain (``*.example.com``), an address or a network, perhaps with a port."""

    host: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    @classmethod
    def parse(cls, text: str) -> HostPattern:
        """Read ``localhost``, ``localhost:8080``, ``*.corp``, ``10.0.0.0/8``, ``::1`` or ``[::1]:8080``.

        Raises:
            ToolDefinitionError: it is none of these.
        """
        host, port = _split_port(text.strip().lower())
        address = parse_address(host)
        try:
            network = ip_network(address if address is not None else host, strict=False)
        except ValueError:
            network = None
        bare = host.removeprefix("*.")
        if not host or (network is None and (not bare or any(mark in bare for mark in "/*: @"))):
            raise ToolDefinitionError(
                f"{shown(text)} is no host; write a host, *.domain, an address or a network like 10.0.0.0/8, "
                "each with :port if only that one is meant"
            )
        return cls(_ascii(host).rstrip("."), network, port)

    def matches(self, host: str, port: int, address: Address | None) -> bool:
        """Whether the pattern means this host at this port, or this address of it."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return any(
                item is not None and item.version == self.network.version and item in self.network
                for item in (address, _inner(address))
            )
        name = host.lower().rstrip(".")
        return name.endswith(self.host[1:]) if self.host.startswith("*.") else name == self.host


@dataclass(frozen=True)
class NetworkPolicy:
    """Where requests may go. Built from a tool's ``args`` and what the worker's settings add."""

    allow_private: bool = False
    """Whether every address of this machine and of private networks may be reached."""
    allowed: tuple[HostPattern, ...] = ()
    """Those that may be reached although they are this machine's or a private network's."""
    only: tuple[HostPattern, ...] | None = None
    """If given, nothing else is reached."""
    own: Callable[[], frozenset[Address]] = own_addresses
    """The addresses of this machine."""

    @classmethod
    def of(
        cls,
        *,
        allow_private: bool = False,
        allowed_hosts: Iterable[str] = (),
        only_hosts: Iterable[str] | None = None,
    ) -> NetworkPolicy:
        """The policy of ``args``.

        Raises:
            ToolDefinitionError: an entry is no host.
        """
        return cls(
            allow_private=allow_private,
            allowed=tuple(HostPattern.parse(item) for item in allowed_hosts),
            only=None if only_hosts is None else tuple(HostPattern.parse(item) for item in only_hosts),
        )

    def plus(self, allowed_hosts: Iterable[str]) -> NetworkPolicy:
        """The same policy with more hosts that may be reached although they are private."""
        more = tuple(HostPattern.parse(item) for item in allowed_hosts)
        return replace(self, allowed=(*self.allowed, *more)) if more else self

    def check_host(self, host: str, port: int) -> None:
        """Refuse a host that is not among those that alone may be reached.

        Raises:
            ToolInputError: it is not; the message names the setting.
        """
        if self.only is None:
            return
        address = parse_address(host)
        if not any(pattern.matches(host, port, address) for pattern in self.only):
            raise ToolInputError(f"the host {shown(host)} (port {port}) is not among only_hosts of this tool")

    def check_address(self, host: str, port: int, address: Address) -> None:
        """Refuse an address of this machine or of a private network, unless it is allowed.

        Raises:
            ToolInputError: it is refused; the message says how to allow it.
        """
        if self.allow_private or any(item.matches(host, port, address) for item in self.allowed):
            return
        whose = refusal(address)
        if whose is None and {address, _inner(address)} & self.own():
            whose = "this machine"
        if whose is None:
            return
        leads = "" if parse_address(host) == address else f" leads to {address}, which"
        raise ToolInputError(
            f"the host {shown(host)}{leads} belongs to {whose}, and tools do not connect there; if it is meant, "
            f'allow it with allowed_hosts: ["{host}:{port}"] in the args of the tool, or for all tools with '
            f'[tools] allowed_hosts = ["{host}:{port}"] in gnosari.toml'
        )


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ToolDefinitionError(f"{shown(host)} is no host name") from None


def _inner(address: Address | None) -> Address | None:
    """The IPv4 address that an IPv6 one carries."""
    return carried(address) if isinstance(address, IPv6Address) else None


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, _port(rest.removeprefix(":"), text) if rest else None
    host, colon, port = text.rpartition(":")
    if colon and ":" not in host:
        return host, _port(port, text)
    return text, None


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ToolDefinitionError(f"{shown(whole)} has no port from 1 to 65535 after the colon")
    return int(text)
