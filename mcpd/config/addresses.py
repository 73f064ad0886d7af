# -*- test-case-name: tests.config.test_addresses -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where we listen and by which address we are known, as an operator writes it.

Hosts and origins are read by :mod:`mcpd.policy.origin`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any

from attrs import define, frozen
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory

from mcpd.policy.origin import read_authority

_LOOPBACK = IPv4Network("127.0.0.0/8")


@frozen
class Address:
    """
    Where a listener listens.

    Attributes:
        interface: The address of ours; unspecified: all of its family.
        port: The port; 0: any that is free.
    """

    interface: IPv4Address | IPv6Address
    port: int

    @property
    def loopback(self) -> bool:
        """
        Whether only this machine can reach it: 127.0.0.0/8 or ::1.
        """
        if isinstance(self.interface, IPv4Address):
            return self.interface in _LOOPBACK
        return self.interface == IPv6Address("::1")

    def collides(self, other: Address) -> bool:
        """
        Tell whether the two cannot listen at once.
        """
        if not self.port or self.port != other.port or self.interface.version != other.interface.version:
            return False
        either = (self.interface, other.interface)
        return either[0] == either[1] or any(address.is_unspecified for address in either)


@define
class _Ear:
    """
    A reactor as an endpoint sees it, which notes where it should listen.
    """

    port: int = 0
    interface: str = ""

    def listenTCP(self, port: int, factory: Factory, backlog: int, interface: str) -> None:
        self.port, self.interface = port, interface


def read_endpoint(text: str) -> Address:
    """
    Find out where an endpoint string listens.

    Twisted itself reads it, so that what is accepted here works there.

    Raises:
        ValueError: It cannot be used; the text says why.
    """
    kind = text.partition(":")[0]
    if kind not in ("tcp", "tcp6"):
        raise ValueError("not of the type tcp or tcp6")
    ear = _Ear()
    reactor: Any = ear
    try:
        serverFromString(reactor, text).listen(Factory())
    except (ValueError, TypeError, RuntimeError):
        # RuntimeError: a backslash at the end runs out of letters.
        raise ValueError("not an endpoint that Twisted can read") from None
    if not 0 <= ear.port <= 65535:
        raise ValueError("a port is a number from 0 to 65535")
    try:
        interface = ip_address(ear.interface or "0.0.0.0")  # noqa: S104  what Twisted takes an empty one for
    except ValueError:
        raise ValueError("the interface is not an IP address") from None
    return Address(interface, ear.port)


def check_url(text: str) -> None:
    """
    Check the address that clients know the daemon by.

    Raises:
        ValueError: It cannot be used; the text says why.
    """
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in ("http", "https"):
        raise ValueError("neither http:// nor https://")
    if not text.isascii() or not text.isprintable() or not set(rest).isdisjoint(" ?#"):
        raise ValueError("a query, a fragment, or a letter that no URL has")
    read_authority(rest.partition("/")[0])
