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

from mcpd.events import Event, RequestRefused
from mcpd.policy.forwarded import UNIX
from mcpd.web.ledger import Ledger
from mcpd.web.mint import Mint
from mcpd.web.outlet import Outlet
from mcpd.web.refusals import Refusals
from mcpd.web.site import Site
from mcpd.web.spec import Limits
from mcpd.web.turns import Turns
from mcpd.web.visitor import Visitors
from mcpd.wire.fault import Fault

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


class Newcomer(Protocol):
    """
    A connection that may not have asked for anything yet.
    """

    @property
    def fresh(self) -> bool:
        """
        Whether it waits for its first request.
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
        entropy: Gives as many random bytes as asked.
        visitors: Tells who the clients are.
        tell: Hears what is refused.
        retiring: Whether no connection is let in any more.
        newcomers: Connections that had not asked for anything when that began.
        slow: Outlets whose clients take less than they are sent.
        turns: Says who goes on with what its client had sent.
        mint: Makes the ids of requests.
    """

    clock: IReactorTime
    site: Site
    limits: Limits
    ledger: Ledger
    entropy: Callable[[int], bytes]
    visitors: Visitors
    tell: Callable[[Event], None]
    retiring: bool = field(default=False, init=False)
    newcomers: list[Newcomer] = field(factory=list, init=False)
    slow: set[Outlet] = field(factory=set, init=False)
    turns: Turns = field(init=False)
    mint: Mint = field(init=False)
    # With the address that each is counted by.
    _guests: dict[Guest, str] = field(factory=dict, init=False)
    _refusals: Refusals = field(init=False)
    _tick: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.turns = Turns(self.clock)
        self.mint = Mint(self.entropy)
        self._refusals = Refusals(self.tell)

    def enter(self, guest: Guest, peer: str) -> bool:
        """
        Take a connection in, if there is room for it.

        Args:
            guest: The connection.
            peer: The address that it comes from.  A proxy that is believed has
                many clients, so its connections are not counted by it.
        """
        visitors = self.visitors
        believed = visitors.trust(peer)
        if believed:
            peer = ""
        elif visitors.announced:
            return False
        if self.retiring or not self.ledger.enter(peer):
            return False
        self._guests[guest] = peer
        if self._tick is None:
            self._tick = self.clock.callLater(TICK, self._look)
        return True

    def replace(self, guest: Guest, successor: Guest) -> None:
        """
        Let another guest have the place of one, which need not leave any more.
        """
        self._guests[successor] = self._guests.pop(guest)

    def leave(self, guest: Guest) -> None:
        """
        Forget a connection; one that never came in is nobody's loss.
        """
        peer = self._guests.pop(guest, None)
        if peer is not None:
            self.ledger.leave(peer)

    def refused(self, peer: str, request: str, fault: Fault, status: int) -> None:
        """
        Hear that a request was refused before it was taken.

        Args:
            peer: The client's address.
            request: The request's id.
            fault: What the client was told.
            status: With which HTTP status.
        """
        refused = RequestRefused(request, peer or UNIX, status, fault.text)
        self._refusals.add(self.clock.seconds(), refused)

    @property
    def expecting(self) -> bool:
        """
        Whether somebody was let in who has not asked for anything yet.
        """
        return any(newcomer.fresh for newcomer in self.newcomers)

    @property
    def delivering(self) -> bool:
        """
        Whether some client has not taken yet what it was sent, as far as one can know.
        """
        return any(outlet.waiting for outlet in self.slow)

    def retire(self) -> None:
        """
        Close what waits for another request; what runs is answered first.
        """
        self.retiring = True
        for guest in tuple(self._guests):
            guest.retire()

    def _look(self) -> None:
        # Scheduled first: whatever a look meets, the next one comes.
        going = self._guests or self._refusals.waiting
        self._tick = self.clock.callLater(TICK, self._look) if going else None
        now = self.clock.seconds()
        for guest in tuple(self._guests):
            if guest.due <= now:
                guest.check(now)
        for outlet in tuple(self.slow):
            outlet.look(now)
        self._refusals.look(now)
