# -*- test-case-name: tests.policy.test_origin -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a request's Host and Origin say, and which of them a rule accepts.

Both are read strictly, and compared part by part after reading, never as
text: a prefix match once let ``127.0.0.1:8420@evil.example`` through a
well-known server.
"""

from __future__ import annotations

from ipaddress import IPv6Address

from attrs import frozen

_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-.")
_PORTS = {"http": 80, "https": 443}


@frozen
class Authority:
    """
    A host and the port that was written with it.

    Attributes:
        name: In lower case; an IPv6 address is in brackets and compressed.
        port: None if none was written.
    """

    name: str
    port: int | None


@frozen
class Origin:
    """
    Where a web page came from (RFC 6454).

    Attributes:
        scheme: In lower case.
        name: As an :class:`Authority` has it.
        port: The one written, else the scheme's default, else None.
    """

    scheme: str
    name: str
    port: int | None


def read_authority(text: str) -> Authority:
    """
    Read ``host`` or ``host:port``, as in a Host field (RFC 9110, section 7.2).

    Userinfo, an empty host or port, a trailing dot, zone identifiers and
    letters beyond ASCII are refused, although some of them have a meaning
    elsewhere.

    Raises:
        ValueError: It is none.
    """
    text = text.lower()
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or "%" in address:
            raise ValueError("not an IPv6 address in brackets")
        name = f"[{IPv6Address(address).compressed}]"
        colon, port = rest[:1], rest[1:]
    else:
        name, colon, port = text.partition(":")
        _check_name(name)
    if colon not in ("", ":"):
        raise ValueError("something follows the host")
    return Authority(name, _read_port(port) if colon else None)


def read_origin(text: str) -> Origin:
    """
    Read an Origin field with one origin that is not ``null``.

    Raises:
        ValueError: It is none: a path, userinfo or a list is refused, too.
    """
    scheme, mark, rest = text.partition("://")
    scheme = scheme.lower()
    if not mark or not scheme[:1].isalpha() or not _SCHEME.issuperset(scheme):
        raise ValueError("an origin is written scheme://host or scheme://host:port")
    authority = read_authority(rest)
    return Origin(scheme, authority.name, authority.port or _PORTS.get(scheme))


@frozen
class HostRule:
    """
    One host that requests may be meant for, or all hosts one label below a domain.

    Attributes:
        name: The host; with ``below``, the domain.
        port: The port; None accepts any.
        below: Whether it is written ``*.domain``, as certificates have it (RFC 9525, section 6.3).
    """

    name: str
    port: int | None = None
    below: bool = False

    @classmethod
    def read(cls, text: str) -> HostRule:
        """
        Read a rule as an operator or a certificate writes it: ``host``, ``host:port`` or ``*.domain``.

        Raises:
            ValueError: It is none; the text says why.
        """
        plain = text.removeprefix("*.")
        authority = read_authority(plain)
        below = plain != text
        if below:
            _check_domain(authority.name)
        return cls(authority.name, authority.port, below)

    def accepts(self, authority: Authority, default: int) -> bool:
        """
        Tell whether the rule accepts what a Host field says.

        Args:
            authority: What it says.
            default: The port that is meant where none is written.
        """
        if self.port not in (None, authority.port or default):
            return False
        return self.name == (_domain(authority.name) if self.below else authority.name)


@frozen
class OriginRule:
    """
    One origin whose pages may call, or all hosts one label below a domain.

    Attributes:
        scheme: The scheme.
        name: The host; with ``below``, the domain.
        port: The port; None only for a scheme without a default.
        below: Whether it is written ``scheme://*.domain``.
    """

    scheme: str
    name: str
    port: int | None
    below: bool = False

    @classmethod
    def read(cls, text: str) -> OriginRule:
        """
        Read a rule as an operator writes it.

        Raises:
            ValueError: It is none; the text says why.
        """
        plain = text.replace("://*.", "://", 1)
        origin = read_origin(plain)
        below = plain != text
        if below:
            _check_domain(origin.name)
        return cls(origin.scheme, origin.name, origin.port, below)

    def accepts(self, origin: Origin) -> bool:
        """
        Tell whether the rule accepts a page's origin.
        """
        if (self.scheme, self.port) != (origin.scheme, origin.port):
            return False
        return self.name == (_domain(origin.name) if self.below else origin.name)


def _domain(name: str) -> str:
    # What a host is one label below of; an address has labels, too, but no rule is of their tail.
    return name.partition(".")[2]


def _check_domain(name: str) -> None:
    if "." not in name or name.rpartition(".")[2].isdigit():
        raise ValueError("a wildcard needs a domain of at least two labels")


def _check_name(name: str) -> None:
    labels = name.split(".")
    # RFC 1035, section 2.3.4; the underscore is for container networks.
    if len(name) > 253 or not all(0 < len(label) <= 63 for label in labels):
        raise ValueError("not a host name: a label is empty or too long")
    if not all(_LABEL.issuperset(label) and label.strip("-") == label for label in labels):
        raise ValueError("not a host name: a letter that it cannot have")


def _read_port(text: str) -> int:
    # Compared as text first: int() takes blanks, signs, underscores and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise ValueError("a port is a number from 1 to 65535")
    return int(text)
