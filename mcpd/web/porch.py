# -*- test-case-name: tests.web.test_http -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the connections of one listener share: the site, the bounds, and one tick.

The tick looks at all deadlines.  A timer for each would cost more than it
gives: almost none of them is ever reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.web.ledger import Ledger
from mcpd.web.mint import Mint
from mcpd.web.outlet import Outlet
from mcpd.web.reply import Stamp
from mcpd.web.site import Site
from mcpd.web.spec import Limits

TICK = 0.5
"""Seconds between two looks at the deadlines; each may be late by as much."""


class Guest(Protocol):
    """
    A connection, as the tick sees it.

    Attributes:
        due: When it is to be checked, in seconds.
    """

    due: float

    def check(self, now: float) -> None:
        """
        Do what is due.
        """

    def retire(self) -> None:
        """
        Close as soon as no exchange is running.
        """


@define(eq=False)
class Porch:
    """
    What the connections of one listener share.

    Attributes:
        clock: Tells the time, in seconds since 1970, and calls later.
        site: What the listener serves.
        limits: The bounds of connections that come.
        ledger: What all listeners hold together.
        retiring: Whether no connection is let in any more.
        slow: Outlets whose clients take less than they are sent.
        stamp: Writes the fields that all answers share.
        mint: Makes the ids of requests.
    """

    clock: IReactorTime
    site: Site
    limits: Limits
    ledger: Ledger
    entropy: Callable[[int], bytes]
    retiring: bool = field(default=False, init=False)
    slow: set[Outlet] = field(factory=set, init=False)
    stamp: Stamp = field(init=False)
    mint: Mint = field(init=False)
    _guests: set[Guest] = field(factory=set, init=False)
    _tick: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.stamp = Stamp()
        self.mint = Mint(self.entropy)

    def enter(self, guest: Guest, peer: str) -> bool:
        """
        Take a connection in, if there is room for it.
        """
        if self.retiring or not self.ledger.enter(peer):
            return False
        self._guests.add(guest)
        if self._tick is None:
            self._tick = self.clock.callLater(TICK, self._look)
        return True

    def replace(self, guest: Guest, successor: Guest) -> None:
        """
        Let another guest have the place of one, which need not leave any more.
        """
        self._guests.remove(guest)
        self._guests.add(successor)

    def leave(self, guest: Guest, peer: str) -> None:
        """
        Forget a connection; one that never came in is nobody's loss.
        """
        if guest in self._guests:
            self._guests.remove(guest)
            self.ledger.leave(peer)

    def retire(self) -> None:
        """
        Close what waits for a request; what runs is answered first.
        """
        self.retiring = True
        for guest in tuple(self._guests):
            guest.retire()

    def _look(self) -> None:
        # Scheduled first: whatever a look meets, the next one comes.
        self._tick = self.clock.callLater(TICK, self._look) if self._guests else None
        now = self.clock.seconds()
        for guest in tuple(self._guests):
            if guest.due <= now:
                guest.check(now)
        for outlet in tuple(self.slow):
            outlet.look(now)
