# -*- test-case-name: tests.web.test_shield -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Whom a listener answers at all: Host and Origin.

A browser sends requests for any page that asks it to.  The Host list stops
pages that had their own name point at us (DNS rebinding); the Origin list
stops all other pages.  Programs send no Origin, and pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import define, field

from mcpd.policy.origin import Authority, HostRule, Origin, OriginRule, read_authority, read_origin
from mcpd.web.cors import VARY, allow, asks, vary
from mcpd.web.head import Head
from mcpd.web.reply import SAME_ORIGIN, Stamp
from mcpd.wire.fault import Fault, Kind

# Bounded: verdicts remembered for each list; a client chooses the port in Host.
_REMEMBERED = 256

_Key = TypeVar("_Key")

_WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104  compared with, not bound to
# RFC 6797, section 7.2: over secure transport only.
_HSTS = b"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"


@define
class Shield:
    """
    One listener's rules.

    Attributes:
        hosts: What requests may be meant for.
        origins: Whose pages may call, besides those that the listener itself might have served.
        secure: Whether the listener speaks TLS.
        private_network: Whether such pages may come from a public network to this private one.
        plain: Stamps what has no good Host or no good Origin.
        known: How answers to a Host that was judged good are stamped, if
            there is no Origin; no need to ask again.
    """

    hosts: tuple[HostRule, ...]
    origins: tuple[OriginRule, ...]
    secure: bool = False
    private_network: bool = False
    plain: Stamp = field(init=False)
    known: dict[bytes, Stamp] = field(factory=dict, init=False)
    _named: Stamp = field(init=False)
    _pages: dict[tuple[bytes, bytes, bool, bool], Stamp] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        own = SAME_ORIGIN + (VARY if self.origins else b"")
        self.plain, self._named = Stamp(own), Stamp(own + _HSTS)

    @classmethod
    def new(
        cls,
        hosts: Sequence[str],
        origins: Sequence[str],
        public_url: str = "",
        secure: bool = False,
        private_network: bool = False,
    ) -> Shield:
        """
        Make one from the configuration.

        Args:
            hosts: ``hosts`` of the listener, and the names of its certificate.
            origins: ``origins`` of the listener.
            public_url: The daemon's canonical address; may be empty.
            secure: Whether the listener has ``tls``.
            private_network: As the listener has it.

        Raises:
            ValueError: One of them is malformed.
        """
        host_rules = [HostRule.read(text) for text in hosts]
        origin_rules = [OriginRule.read(text) for text in origins]
        if public_url:
            scheme, mark, rest = public_url.partition("://")
            own = OriginRule.read(scheme + mark + rest.partition("/")[0])
            host_rules.append(HostRule(own.name))
            origin_rules.append(own)
        return cls(tuple(host_rules), tuple(origin_rules), secure, private_network)

    def stand(self, address: str = "") -> None:
        """
        Hear where the listener stands, once it is open: its own address and localhost are good.

        Args:
            address: The IP address that it is bound to; empty for a UNIX socket.
        """
        # Which interface an address is of is nothing that a Host says (RFC 6874, section 4).
        address = address.partition("%")[0]
        own = {"localhost", "127.0.0.1", "[::1]"}
        if address not in _WILDCARDS:
            own.add(f"[{address}]" if ":" in address else address)
        self.hosts += tuple(HostRule.read(name) for name in sorted(own))

    def judge_host(self, host: bytes) -> Stamp:
        """
        Let a request pass that is meant for us.

        Args:
            host: Its Host; empty if it has none.

        Returns:
            What stamps the answers to it, as long as it has no Origin.

        Raises:
            Fault: It is missing, malformed or not ours.
        """
        # Two fields were joined by a comma, which no host has.
        try:
            authority = _read_host(host)
        except ValueError:
            raise Fault(Kind.BAD_REQUEST, "the request needs one Host, and a valid one") from None
        if not any(rule.accepts(authority, 443 if self.secure else 80) for rule in self.hosts):
            raise Fault(Kind.MISDIRECTED, "this Host is not served here; the setting is listen.hosts")
        stamp = self._named if self.secure and _is_name(authority) else self.plain
        _remember(self.known, host, stamp)
        return stamp

    def judge_origin(self, head: Head, stamp: Stamp) -> Stamp:
        """
        Let a request of a web page pass.

        Args:
            head: What came; its Host was judged good, and it has an Origin.
            stamp: What the Host's judgement gave.

        Returns:
            What stamps the answers to it.

        Raises:
            Fault: The page's origin is not allowed.
        """
        host, origin = head.fields[b"host"], head.fields[b"origin"]
        asking = asks(head.method, head.fields)
        # Our own origin depends on where the request goes, and over what.
        key = (host, origin, head.secure, asking)
        found = self._pages.get(key)
        if found is not None:
            return found
        ours = self._is_ours(origin, host, head.secure)
        hsts = _HSTS if stamp is self._named else b""
        if asking:
            stamp = Stamp(vary(self.private_network) + hsts)
        elif not ours:
            stamp = Stamp(allow(origin) + hsts)
        _remember(self._pages, key, stamp)
        return stamp

    def _is_ours(self, origin: bytes, host: bytes, secure: bool) -> bool:
        try:
            page = read_origin(origin.decode("ascii"))
        except ValueError:
            raise _foreign() from None
        # The Host was judged good: a name that was rebound never becomes our own.
        if page == _own(_read_host(host), secure):
            return True
        if not any(rule.accepts(page) for rule in self.origins):
            raise _foreign()
        return False


def _read_host(host: bytes) -> Authority:
    return read_authority(host.decode("ascii"))


def _own(authority: Authority, secure: bool) -> Origin:
    scheme, default = ("https", 443) if secure else ("http", 80)
    return Origin(scheme, authority.name, authority.port or default)


def _is_name(authority: Authority) -> bool:
    # RFC 6797, section 8.1.1: an address is never remembered.  localhost has
    # other things on other ports, which may have no TLS.
    *_, last = authority.name.split(".")
    return last != "localhost" and not last.endswith("]") and not last.isdigit()


def _foreign() -> Fault:
    return Fault(Kind.FORBIDDEN, "this Origin is not allowed; the setting is listen.origins")


def _remember(good: dict[_Key, Stamp], value: _Key, stamp: Stamp) -> None:
    if len(good) >= _REMEMBERED:
        good.clear()
    good[value] = stamp
