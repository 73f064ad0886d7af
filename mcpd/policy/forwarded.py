# -*- test-case-name: tests.policy.test_forwarded -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What proxies say of their clients, and how far it is believed.

Whoever wants to can send ``X-Forwarded-For``.  Each proxy on the way adds at
the right whom it sees itself, so only what stands at the right is known: the
list is walked from there, as long as the one who spoke is a proxy of ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen

UNIX = "unix"
"""How an operator writes whoever comes through a UNIX socket."""

HOPS = 32
"""Hops of a list that are looked at; nobody has as many proxies."""

# No scopes: one may be any text, and is about another machine's interfaces.
_HOP = re.compile(
    r"\[([0-9a-f:.]{2,45})\](?::[0-9]{1,5})?|([0-9.]{7,15})(?::[0-9]{1,5})?|([0-9a-f:.]{2,45})",
    re.ASCII | re.IGNORECASE,
)


@frozen
class Proxies:
    """
    The peers that are believed.

    Attributes:
        networks: Where they are.
        unix: Whether those that come through a UNIX socket are.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False

    @classmethod
    def read(cls, texts: Sequence[str]) -> Proxies:
        """
        Read what an operator writes: addresses, networks, and ``unix``.

        Raises:
            ValueError: One of them is none of these.
        """
        networks = tuple(ip_network(text) for text in texts if text != UNIX)
        return cls(networks, UNIX in texts)

    def have(self, peer: str) -> bool:
        """
        Tell whether a peer is one of them.

        Args:
            peer: Its address; empty for a socket without one.
        """
        if not peer:
            return self.unix
        address = _read_address(peer)
        return address is not None and any(address in network for network in self.networks)

    def find_client(self, peer: str, hops: str) -> str:
        """
        Tell who asks, behind all proxies that are believed.

        Args:
            peer: The address of the proxy that we see.
            hops: Its ``X-Forwarded-For``; may be empty.

        Returns:
            The rightmost address that is no proxy.  Where the list ends, has
            something else in it, or is too long, nobody is known but the last
            one before that.
        """
        for hop in reversed(hops.rsplit(",", HOPS)[-HOPS:]):
            address = read_hop(hop)
            if address is None:
                break
            peer = address
            if not self.have(peer):
                break
        return peer


def read_hop(text: str) -> str | None:
    """
    Read an address as proxies write it: with or without a port, IPv6 with or without brackets.

    Returns:
        The address as it is usually written; None if it is none.
    """
    match = _HOP.fullmatch(text.strip())
    address = None if match is None else _read_address(match[1] or match[2] or match[3])
    return None if address is None else str(address)


def read_scheme(text: str) -> str | None:
    """
    Read ``X-Forwarded-Proto``: the word of the proxy that we see is the last one.

    Returns:
        ``http`` or ``https``; None if it is neither.
    """
    scheme = text.rpartition(",")[2].strip().lower()
    return scheme if scheme in ("http", "https") else None


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # On a socket for both versions, IPv4 comes so (RFC 4291, section 2.5.5.2).
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
