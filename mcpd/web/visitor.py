# -*- test-case-name: tests.web.test_visitor -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Who the client of a request is, where a proxy may stand between.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import define, field
from msgspec import structs

from mcpd.policy.forwarded import Proxies, read_scheme
from mcpd.web.head import Head
from mcpd.wire.fault import Fault, Kind

# Fields that programs on the way add, and none that clients send by themselves.
_MARKS = frozenset(
    (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"forwarded", b"via")
)
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
# Bounded: peers that are known again.
_REMEMBERED = 256


@define(eq=False)
class Visitors:
    """
    What one listener believes of its peers.

    Attributes:
        proxies: Who is believed.
        secure: Whether the listener speaks TLS.
        open: Whether it asks for no credentials.  Who is near is trusted
            there, and what was forwarded comes from far away.
        announced: Whether a PROXY header comes before all else; only a proxy
            that is believed may connect at all then.
        looks: Whether there is anything to look at in a request's fields.
    """

    proxies: Proxies = Proxies()
    secure: bool = False
    open: bool = False
    announced: bool = False
    looks: bool = field(init=False)
    _known: dict[str, bool] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.looks = self.open or self.proxies != Proxies()

    @classmethod
    def new(
        cls, proxies: Sequence[str] = (), secure: bool = False, open: bool = False, announced: bool = False
    ) -> Visitors:
        """
        Make it from the configuration.

        Args:
            proxies: ``proxies`` of the listener.
            secure: Whether it has ``tls``.
            open: Whether its ``auth`` is ``none``.
            announced: Whether its endpoint begins with ``haproxy:``.

        Raises:
            ValueError: A proxy is malformed.
        """
        return cls(Proxies.read(proxies), secure, open, announced)

    def trust(self, peer: str) -> bool:
        """
        Tell whether a peer is believed.

        Args:
            peer: Its address; empty for a socket without one.
        """
        known = self._known.get(peer)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[peer] = self.proxies.have(peer)
        return known

    def see(self, head: Head) -> Head:
        """
        Put into a head what a proxy says of its client: the address, the scheme, the request's id.

        Raises:
            Fault: FORBIDDEN, it was forwarded to a listener that knows its clients by being near.
        """
        fields = head.fields
        if self.open and not _MARKS.isdisjoint(fields):
            raise Fault(
                Kind.FORBIDDEN,
                "a proxy's requests are not served without credentials; the setting is listen.auth",
            )
        # Behind PROXY, nobody without an address is known to be a proxy.
        if not self.trust(head.peer) or (self.announced and not head.peer):
            return head
        hops = fields.get(b"x-forwarded-for", b"").decode("latin-1")
        scheme = read_scheme(fields.get(b"x-forwarded-proto", b"").decode("latin-1"))
        id = fields.get(b"x-request-id", b"")
        return structs.replace(
            head,
            peer=self.proxies.find_client(head.peer, hops),
            secure=head.secure if scheme is None else scheme == "https",
            id=id.decode("ascii") if _ID.match(id) else head.id,
        )
