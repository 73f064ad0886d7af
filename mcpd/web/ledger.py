# -*- test-case-name: tests.web.test_ledger -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What all doors of a daemon hold together: connections, and bytes of unfinished bodies.
"""

from __future__ import annotations

from collections import Counter

from attrs import define, field

from mcpd.web.spec import Limits


@define
class Ledger:
    """
    Counts against the limits; one for all listeners.

    Attributes:
        limits: The bounds.
        connections: Connections at once.
        buffered: Bytes of unfinished bodies.
    """

    limits: Limits
    connections: int = field(default=0, init=False)
    buffered: int = field(default=0, init=False)
    _addresses: Counter[str] = field(factory=Counter, init=False)

    def enter(self, peer: str) -> bool:
        """
        Count a connection, if there is room for it.

        Args:
            peer: The client's address.  Loopback is not counted by address,
                nor is what has none, as UNIX sockets: behind them are many.
        """
        if self.connections >= self.limits.connections:
            return False
        if not _is_near(peer):
            if self._addresses[peer] >= self.limits.connections_per_address:
                return False
            self._addresses[peer] += 1
        self.connections += 1
        return True

    def leave(self, peer: str) -> None:
        """
        Forget a connection that was counted.
        """
        self.connections -= 1
        if not _is_near(peer):
            self._addresses[peer] -= 1
            if not self._addresses[peer]:
                del self._addresses[peer]

    def keep(self, size: int) -> bool:
        """
        Count bytes that are kept, and tell whether they are within the bound.
        """
        self.buffered += size
        return self.buffered <= self.limits.buffered

    def drop(self, size: int) -> None:
        """
        Forget bytes that were kept.
        """
        self.buffered -= size


def _is_near(peer: str) -> bool:
    return not peer or peer == "::1" or peer.removeprefix("::ffff:").startswith("127.")
