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


def is_private(address: Address) -> bool:
    """Whether it is loopback, RFC 1918 or unique-local."""
    return any(_plain(address) in network for network in _PRIVATE)


def is_nowhere(address: Address) -> bool:
    """Whether nobody's server is to be sought there: link-local (where clouds keep secrets), multicast, unspecified."""
    plain = _plain(address)
    return plain.is_link_local or plain.is_multicast or plain.is_unspecified


def _plain(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address
