# -*- test-case-name: tests.access.test_tickets -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tickets: what opens one WebSocket, once and soon, for clients that can send nothing but an address.

An address ends up in histories and logs, so no lasting secret belongs there.
A ticket that is found there opens nothing any more.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from mcpd.wire.fault import Fault, Kind

LIFE = 30
"""Seconds for which a ticket is good."""

MOST_OWN = 32
"""Unused tickets that one principal may have."""

_ENTROPY = 32


@frozen
class _Slip:
    """
    What a ticket is good for.

    Attributes:
        caller: The principal that it was given to.
        origin: The Origin field of who asked; None: there was none.
        path: The path that it opens.
        given: When it was given, in seconds.
    """

    caller: str
    origin: bytes | None
    path: bytes
    given: float

    def is_good(self, now: float) -> bool:
        """
        Tell whether its time is not over; a clock that went back ends it, too.
        """
        return 0 <= now - self.given < LIFE


@define(eq=False)
class Tickets:
    """
    The unused tickets of one listener.

    Listeners have no tickets in common: one that asks for no credentials would
    give what opens another that does.

    Attributes:
        most: How many there may be; of a principal's own :data:`MOST_OWN`.
    """

    _clock: IReactorTime
    _entropy: Callable[[int], bytes]
    most: int
    # The oldest first.
    _slips: dict[bytes, _Slip] = field(init=False, factory=dict, repr=False)

    def give(self, caller: str, origin: bytes | None, path: bytes) -> str:
        """
        Make a ticket.

        Args:
            caller: The principal's name.
            origin: The Origin field of who asks, as it came; None: there was none.
            path: The path that it is to open.

        Returns:
            256 random bits in base64 for URLs, without padding (RFC 4648, section 5).

        Raises:
            Fault: OVERLOADED, too many are not used yet.
        """
        now = self._clock.seconds()
        self._expire(now)
        own = sum(slip.caller == caller for slip in self._slips.values())
        if own >= MOST_OWN or len(self._slips) >= self.most:
            # After that long all that are there have expired.
            later = (b"Retry-After", b"%d" % LIFE)
            raise Fault(Kind.OVERLOADED, "too many tickets are not used yet", headers=(later,))
        ticket = base64.urlsafe_b64encode(self._entropy(_ENTROPY)).rstrip(b"=")
        self._slips[ticket] = _Slip(caller, origin, path, now)
        return ticket.decode("ascii")

    def take(self, ticket: bytes, origin: bytes | None, path: bytes) -> str | None:
        """
        Use a ticket up, whether it opens or not.

        Args:
            ticket: What was shown.
            origin: The Origin field of who shows it; None: there was none.
            path: What is to be opened.

        Returns:
            The principal's name; None: it is no ticket, or not for this.
        """
        # A dictionary tells nobody how nearly right a text is: it compares only
        # those with the same keyed hash.
        slip = self._slips.pop(ticket, None)
        if slip is None or not slip.is_good(self._clock.seconds()):
            return None
        return slip.caller if (slip.origin, slip.path) == (origin, path) else None

    def forget(self, caller: str) -> None:
        """
        Let a principal's tickets open nothing any more.
        """
        self._slips = {ticket: slip for ticket, slip in self._slips.items() if slip.caller != caller}

    def _expire(self, now: float) -> None:
        over = []
        for ticket, slip in self._slips.items():
            if slip.is_good(now):
                break
            over.append(ticket)
        for ticket in over:
            del self._slips[ticket]
