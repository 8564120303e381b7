"""Whose an IP address is: of this machine or its own network, of nobody in particular, or of somebody out there.

Two sides need it: webhooks leave towards one's own addresses only, and what a live run fetches must not come from them.
"""

from __future__ import annotations

import ipaddress
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_PRIVATE: Final = [
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
]
_TRANSLATED: Final = [ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96")]


def is_private(address: Address) -> bool:
    """Whether it is loopback, RFC 1918 or unique-local."""
    return any(_plain(address) in network for network in _PRIVATE)


def is_nowhere(address: Address) -> bool:
    """Whether nobody's server is to be sought there: link-local (where clouds keep secrets), multicast, unspecified."""
    plain = _plain(address)
    return plain.is_link_local or plain.is_multicast or plain.is_unspecified


def is_public(address: Address) -> bool:
    """Whether it is somebody's out there, and surely not of one's own network: what providers and overlay networks
    share (100.64.0.0/10), what is reserved, and private addresses in the disguises of IPv6 are not.
    """
    plain = _undisguised(address)
    if is_nowhere(plain) or is_private(plain):
        return False
    return plain.is_global and not plain.is_reserved and not getattr(plain, "is_site_local", False)


def _undisguised(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to: mapped, compatible, by 6to4 or by NAT64 (RFC 4291, 3056, 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and any(address in network for network in _TRANSLATED):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address if inner is None or address.is_loopback else inner


def _plain(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address
