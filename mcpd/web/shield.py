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

from attrs import define, field

from mcpd.policy.origin import HostRule, OriginRule, read_authority, read_origin
from mcpd.web.head import Head
from mcpd.wire.fault import Fault, Kind

# Bounded: verdicts remembered for each list; a client chooses the port in Host.
_REMEMBERED = 256

_WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104  compared with, not bound to


@define
class Shield:
    """
    One listener's rules.

    Attributes:
        hosts: What requests may be meant for.
        origins: Whose pages may call.
        good_hosts: Values of Host that were judged good; no need to ask again.
    """

    hosts: tuple[HostRule, ...]
    origins: tuple[OriginRule, ...]
    good_hosts: set[bytes] = field(factory=set, init=False)
    _good_origins: set[bytes] = field(factory=set, init=False)

    @classmethod
    def new(cls, hosts: Sequence[str], origins: Sequence[str], public_url: str = "") -> Shield:
        """
        Make one from the configuration.

        Args:
            hosts: ``hosts`` of the listener.
            origins: ``origins`` of the listener.
            public_url: The daemon's canonical address; may be empty.

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
        return cls(tuple(host_rules), tuple(origin_rules))

    def stand(self, address: str, port: int) -> None:
        """
        Hear where the listener stands, once it is open: its own address and localhost are good.

        Args:
            address: The IP address that it is bound to.
            port: The port.
        """
        own = {"localhost", "127.0.0.1", "[::1]"}
        if address not in _WILDCARDS:
            own.add(f"[{address}]" if ":" in address else address)
        rules = [HostRule.read(name) for name in sorted(own)]
        self.hosts += tuple(rules)
        self.origins += tuple(OriginRule("http", rule.name, port) for rule in rules)

    def judge(self, head: Head) -> None:
        """
        Let a request pass.

        Raises:
            Fault: Its Host is missing, malformed or not ours, or its Origin is
                not allowed.
        """
        fields = head.fields
        host = fields.get(b"host")
        if host not in self.good_hosts:
            self._judge_host(host)
        origin = fields.get(b"origin")
        if origin is not None and origin not in self._good_origins:
            self._judge_origin(origin)

    def _judge_host(self, host: bytes | None) -> None:
        # Two fields were joined by a comma, which no host has.
        try:
            authority = read_authority((host or b"").decode("ascii"))
        except ValueError:
            raise Fault(Kind.BAD_REQUEST, "the request needs one Host, and a valid one") from None
        if not any(rule.accepts(authority, 80) for rule in self.hosts):
            raise Fault(Kind.MISDIRECTED, "this Host is not served here; the setting is listen.hosts")
        _remember(self.good_hosts, host or b"")

    def _judge_origin(self, origin: bytes) -> None:
        try:
            page = read_origin(origin.decode("ascii"))
        except ValueError:
            raise _foreign() from None
        if not any(rule.accepts(page) for rule in self.origins):
            raise _foreign()
        _remember(self._good_origins, origin)


def _foreign() -> Fault:
    return Fault(Kind.FORBIDDEN, "this Origin is not allowed; the setting is listen.origins")


def _remember(good: set[bytes], value: bytes) -> None:
    if len(good) >= _REMEMBERED:
        good.clear()
    good.add(value)
