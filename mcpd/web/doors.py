# -*- test-case-name: tests.web.test_doors -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The connections of one listener, as Twisted asks for them.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ServerFactory

from mcpd.events import Event
from mcpd.web.http import Connection
from mcpd.web.ledger import Ledger
from mcpd.web.porch import Porch
from mcpd.web.site import Site
from mcpd.web.spec import Limits
from mcpd.web.visitor import Visitors


def _tell_nobody(event: Event) -> None:
    pass


class Doors(ServerFactory):
    """
    The connections of one listener.

    Attributes:
        porch: What they share.
    """

    # Twisted would log each start and stop of a port.
    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        site: Site,
        limits: Limits,
        ledger: Ledger,
        entropy: Callable[[int], bytes],
        *,
        visitors: Visitors | None = None,
        tell: Callable[[Event], None] = _tell_nobody,
    ) -> None:
        self.porch = Porch(clock, site, limits, ledger, entropy, visitors or Visitors(), tell)

    def change(self, site: Site, visitors: Visitors) -> None:
        """
        Serve and believe otherwise, from the next request on.
        """
        self.porch.site, self.porch.visitors = site, visitors

    def limit(self, limits: Limits) -> None:
        """
        Hold new connections to other limits; those that stand keep what they began with.

        Of what all listeners hold together the bound is another one at once;
        how many connections wait in the kernel is not changed any more.
        """
        self.porch.limits = self.porch.ledger.limits = limits

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        """
        Make the protocol of a new connection.
        """
        return Connection(self.porch, getattr(addr, "host", ""))

    def retire(self) -> None:
        """
        Close connections that wait for a request; the others' answers are their last.
        """
        self.porch.retire()
