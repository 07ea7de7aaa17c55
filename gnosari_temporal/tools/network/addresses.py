"""The address: which ones belong to this machine, a private network or nobody, however they are written."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import psutil

Address = IPv4Address | IPv6Address

# From IANA's registries of special-purpose addresses, not from ``is_global``: before Python 3.12.4 and 3.11.10 it
# has several ranges wrong, and it says nothing of addresses that carry another one inside.
_IPV4 = tuple(
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this machine"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a provider's internal network"),
        ("127.0.0.0/8", "this machine"),
        ("168.63.129.16/32", "a cloud provider's host service"),
        ("169.254.0.0/16", "the local link, where clouds serve credentials"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "a reserved range"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "a retired relay service"),
        ("192.168.0.0/16", "a private network"),
        ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "a reserved range"),
    )
)
_IPV6 = tuple(
    (IPv6Network(network), what)
    for network, what in (
        ("2001::/23", "a protocol's own range"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
    )
)
_IPV6_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIXTOFOUR = IPv6Network("2002::/16")
_ISATAP = (0x00005EFE, 0x02005EFE)


def parse_address(host: str) -> Address | None:
    """``host`` as an address if it is one, in any spelling that the system would take for one; else None.

    Beside the usual spellings these are the old IPv4 ones: one number (``2130706433``), hexadecimal and octal
    (``0x7f.1``, ``0177.0.0.1``), fewer than four parts (``127.1``).
    """
    text = host.strip("[]")
    try:
        return ip_address(text)
    except ValueError:
        pass
    if not text.isascii() or not text or text[-1].isspace() or text[0].isspace():
        return None
    try:
        return IPv4Address(socket.inet_aton(text.rstrip(".")))
    except (OSError, ValueError):
        return None


def refusal(address: Address) -> str | None:
    """Whose the address is, if tools may not reach it without being allowed to; None for a public one."""
    if isinstance(address, IPv4Address):
        return next((what for network, what in _IPV4 if address in network), None)
    if address.scope_id is not None:
        return "the local link"
    inner = carried(address)
    if inner is not None:
        return refusal(inner)
    if address not in _IPV6_UNICAST:
        return "this machine, the local link, a private network or a reserved range"
    return next((what for network, what in _IPV6 if address in network), None)


def carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside: mapped, NAT64, 6to4 and ISATAP ones have one."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    if address in _NAT64:
        return low
    if address in _SIXTOFOUR:
        return IPv4Address((number >> 80) & 0xFFFFFFFF)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return low
    return None


def own_addresses() -> frozenset[Address]:
    """The addresses of this machine's interfaces now; a public one among them leads to its own services."""
    found: set[Address] = set()
    for interface in psutil.net_if_addrs().values():
        for entry in interface:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                address = parse_address(entry.address.partition("%")[0])
                if address is not None:
                    found.add(address)
    return frozenset(found)
