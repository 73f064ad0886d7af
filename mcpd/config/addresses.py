# -*- test-case-name: tests.config.test_addresses -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where we listen and by which address we are known, as an operator writes it.

Hosts and origins are read by :mod:`mcpd.policy.origin`.
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from attrs import define, frozen

from mcpd.policy.origin import read_authority

_LOOPBACK = IPv4Network("127.0.0.0/8")
_PROXIED = "haproxy:"
_UNIX = "unix:"
# unix(7): a socket's path has at most so many bytes.
_LONGEST_PATH = 107
_ARGUMENT = re.compile(r"(?:[^:=\\]|\\.)*\Z", re.DOTALL)
# systemd.socket(5), FileDescriptorName=; a backslash is Twisted's own.
_NAME = re.compile(r"[ -9;-\[\]-~]{1,255}\Z")
_INDEX = re.compile(r"\d{1,4}\Z", re.ASCII)
_DOMAINS = ("INET", "INET6", "UNIX")


@frozen
class Address:
    """
    A TCP port of ours.

    Attributes:
        interface: The address of ours; unspecified: all of its family.
        port: The port; 0: any that is free.
        proxied: Whether each connection begins with a PROXY header, by which a
            proxy tells whose it is.
    """

    interface: IPv4Address | IPv6Address
    port: int
    proxied: bool = False

    @property
    def loopback(self) -> bool:
        """
        Whether only this machine can reach it: 127.0.0.0/8 or ::1.
        """
        if isinstance(self.interface, IPv4Address):
            return self.interface in _LOOPBACK
        return self.interface == IPv6Address("::1")

    def collides(self, other: Endpoint) -> bool:
        """
        Tell whether the two cannot listen at once.
        """
        if not isinstance(other, Address) or self.interface.version != other.interface.version:
            return False
        if not self.port or self.port != other.port:
            return False
        either = (self.interface, other.interface)
        return either[0] == either[1] or any(address.is_unspecified for address in either)


@frozen
class SocketPath:
    """
    A UNIX socket of ours.

    Attributes:
        path: Its absolute path.
        proxied: As an :class:`Address` has it.
        loopback: True: only this machine can reach it.
    """

    path: str
    proxied: bool = False
    loopback: bool = True

    def collides(self, other: Endpoint) -> bool:
        """
        Tell whether the two cannot listen at once.
        """
        return isinstance(other, SocketPath) and self.path == other.path


@frozen
class Inherited:
    """
    A socket that systemd opened for us (``sd_listen_fds(3)``).

    Attributes:
        domain: Of which kind it is: ``INET``, ``INET6`` or ``UNIX``.
        name: Its name, as ``FileDescriptorName=`` says; None: it has a number.
        index: Its number among those that we were given, from 0; None: it has a name.
        proxied: As an :class:`Address` has it.
    """

    domain: str
    name: str | None
    index: int | None
    proxied: bool = False

    @property
    def loopback(self) -> bool | None:
        """
        Whether only this machine can reach it; None: nobody knows before it is opened.
        """
        return True if self.domain == "UNIX" else None

    def collides(self, other: Endpoint) -> bool:
        """
        Tell whether the two cannot listen at once, as far as one can see.
        """
        return isinstance(other, Inherited) and (self.name, self.index) == (other.name, other.index)


Endpoint = Address | SocketPath | Inherited
"""Where a listener listens."""


def read_endpoint(text: str) -> Endpoint:
    """
    Find out where an endpoint string listens.

    Raises:
        ValueError: It cannot be used; the text says why.
    """
    rest = text.removeprefix(_PROXIED)
    proxied = rest != text
    match rest.partition(":")[0]:
        case "tcp" | "tcp6":
            return _read_tcp(rest, proxied)
        case "unix":
            return _read_unix(rest, proxied)
        case "systemd":
            return _read_systemd(rest, proxied)
        case "ssl" | "tls":
            raise ValueError("a certificate is said by the key tls, and the type is tcp")
        case _:
            raise ValueError("not of the type tcp, tcp6, unix or systemd")


@define
class _Ear:
    """
    A reactor as an endpoint sees it, which notes where it should listen.
    """

    port: int = 0
    interface: str = ""

    def listenTCP(self, port: int, factory: object, backlog: int, interface: str) -> None:
        self.port, self.interface = port, interface


def _read_tcp(text: str, proxied: bool) -> Address:
    # Not at import: mcpctl, which reads no endpoints, would wait for it.
    from twisted.internet.endpoints import serverFromString  # noqa: PLC0415
    from twisted.internet.protocol import Factory  # noqa: PLC0415

    # Twisted itself reads it, so that what is accepted here works there.
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
    return Address(interface, ear.port, proxied)


def _read_unix(text: str, proxied: bool) -> SocketPath:
    argument = text.removeprefix(_UNIX)
    if not _ARGUMENT.match(argument):
        raise ValueError("it takes a path and nothing else: mode, group and limits.backlog are keys")
    path = os.path.normpath(_unescaped(argument))
    if not os.path.isabs(path) or argument.endswith("/") or "\0" in path:
        raise ValueError("not a socket's path")
    if (size := len(path.encode(errors="replace"))) > _LONGEST_PATH:
        raise ValueError(f"a socket's path may have {_LONGEST_PATH} bytes, and this has {size}")
    return SocketPath(path, proxied)


def _read_systemd(text: str, proxied: bool) -> Inherited:
    pairs = [part.partition("=") for part in text.split(":")[1:]]
    said = {key: value for key, _, value in pairs}
    if len(said) < len(pairs) or said.keys() not in ({"domain", "name"}, {"domain", "index"}):
        raise ValueError("it takes a domain, and either a name or an index")
    if said["domain"] not in _DOMAINS:
        raise ValueError("the domain is none of INET, INET6 and UNIX")
    name, index = said.get("name"), said.get("index")
    if name is not None and not _NAME.match(name):
        raise ValueError("the name is not one that systemd gives")
    if index is not None and not _INDEX.match(index):
        raise ValueError("the index is not a number from 0 to 9999")
    return Inherited(said["domain"], name, None if index is None else int(index), proxied)


def anchor_endpoint(text: str, folder: str) -> str:
    """
    Have the relative path of a UNIX socket start at a folder; all else stays as it is.

    Args:
        text: An endpoint string, which need not be a good one.
        folder: An absolute path.
    """
    rest = text.removeprefix(_PROXIED)
    argument = rest.removeprefix(_UNIX)
    if argument in ("", rest) or not _ARGUMENT.match(argument):
        return text
    path = os.path.join(folder, _unescaped(argument))
    escaped = re.sub(r"[\\:=]", r"\\\g<0>", path)
    return f"{text.removesuffix(argument)}{escaped}"


def _unescaped(argument: str) -> str:
    return re.sub(r"\\(.)", r"\1", argument, flags=re.DOTALL)


def read_proxy(text: str) -> IPv4Network | IPv6Network | None:
    """
    Read who is believed about its clients; None: whoever comes through a UNIX socket.

    Raises:
        ValueError: It is no address, no network, or a network with a host in it.
    """
    if text == "unix":
        return None
    # The zone of an address, as in "fe80::1%eth0", is not one of the peer that connects.
    if "%" in text:
        raise ValueError("a zone is no part of an address that connects")
    try:
        network, host = ip_network(text, strict=False), ip_address(text.partition("/")[0])
    except ValueError:
        raise ValueError("not an address and not a network") from None
    if host != network.network_address:
        raise ValueError(f"the network of that address is {network}")
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        raise ValueError("an IPv4 address is written as one")  # as peers are
    return network


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
