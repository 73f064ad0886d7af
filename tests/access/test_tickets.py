# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.access.tickets`.
"""

from __future__ import annotations

import re

from attrs import define
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.access.tickets import LIFE, MOST_OWN, Tickets
from mcpd.wire.fault import Fault, Kind

PAGE = b"https://app.example.org"


@define
class Dice:
    """
    Other bytes each time.
    """

    count: int = 0

    def throw(self, count: int) -> bytes:
        """
        Give bytes.
        """
        self.count += 1
        return self.count.to_bytes(count, "big")


class TicketsTests(SynchronousTestCase):
    """
    Tests for a listener's tickets.
    """

    def setUp(self) -> None:
        """
        Have none.
        """
        self.clock = Clock()
        self.clock.rightNow = 1_800_000_000.0
        self.tickets = Tickets(self.clock, Dice().throw, 100)

    def give(self, caller: str = "key:a", origin: bytes | None = PAGE, path: bytes = b"/ws") -> bytes:
        """
        Give one.
        """
        return self.tickets.give(caller, origin, path).encode()

    def refuse(self, caller: str) -> Fault:
        """
        Ask for one too many.
        """
        with self.assertRaises(Fault) as caught:
            self.give(caller)
        fault: Fault = caught.exception
        return fault

    def test_opens(self) -> None:
        """
        A ticket opens for whom it was given, by page or program, at its path.
        """
        for origin in (PAGE, None):
            for path in (b"/ws", b"/ws/files"):
                ticket = self.give("key:b", origin, path)
                self.assertEqual(self.tickets.take(ticket, origin, path), "key:b")

    def test_once(self) -> None:
        """
        A ticket opens once.
        """
        ticket = self.give()
        self.tickets.take(ticket, PAGE, b"/ws")
        self.assertIsNone(self.tickets.take(ticket, PAGE, b"/ws"))

    def test_bound(self) -> None:
        """
        A ticket opens nothing else and for no other page, and is used up by the attempt.
        """
        for origin, path in ((None, b"/ws"), (b"https://evil.example", b"/ws"), (PAGE, b"/ws/files")):
            ticket = self.give()
            self.assertIsNone(self.tickets.take(ticket, origin, path))
            self.assertIsNone(self.tickets.take(ticket, PAGE, b"/ws"))
        self.assertIsNone(self.tickets.take(self.give(origin=None), PAGE, b"/ws"))

    def test_soon(self) -> None:
        """
        A ticket is good for half a minute.
        """
        ticket, late = self.give(), self.give()
        self.clock.advance(LIFE - 0.125)
        self.assertEqual(self.tickets.take(ticket, PAGE, b"/ws"), "key:a")
        self.clock.advance(0.125)
        self.assertIsNone(self.tickets.take(late, PAGE, b"/ws"))

    def test_clock_back(self) -> None:
        """
        A clock that goes back makes no ticket good for longer.
        """
        ticket = self.give()
        self.clock.rightNow -= 3600
        self.assertIsNone(self.tickets.take(ticket, PAGE, b"/ws"))

    def test_made_up(self) -> None:
        """
        What was never given opens nothing.
        """
        ticket = self.give()
        for other in (b"", ticket[:-1], ticket + b"A", ticket.lower(), ticket + b"=", b"\xff" * 43):
            self.assertIsNone(self.tickets.take(other, PAGE, b"/ws"))

    def test_letters(self) -> None:
        """
        A ticket has 256 random bits, in letters that an address may have as they are.
        """
        tickets = Tickets(self.clock, lambda count: b"\xfb\xff" * (count // 2), 10)
        ticket = tickets.give("key:a", None, b"/ws")
        self.assertTrue(re.fullmatch("[A-Za-z0-9_-]{43}", ticket), ticket)
        self.assertEqual(tickets.take(ticket.encode(), None, b"/ws"), "key:a")

    def test_own(self) -> None:
        """
        A principal has so many unused tickets, and is told when to ask again; others have theirs.
        """
        given = [self.give() for _ in range(MOST_OWN)]
        fault = self.refuse("key:a")
        self.assertIs(fault.kind, Kind.OVERLOADED)
        self.assertEqual(fault.headers, ((b"Retry-After", b"30"),))
        self.give("key:b")
        self.tickets.take(given[0], PAGE, b"/ws")
        self.give()
        self.refuse("key:a")

    def test_all(self) -> None:
        """
        There are so many unused tickets in all, and those that expired make room.
        """
        self.tickets.most = 3
        self.give("key:0")
        self.clock.advance(LIFE / 2)
        for number in range(1, 3):
            self.give(f"key:{number}")
        self.refuse("key:3")
        self.clock.advance(LIFE / 2)
        self.give("key:3")
        self.refuse("key:4")
        self.clock.advance(LIFE)
        for number in range(3):
            self.give(f"key:{number}")
        self.refuse("key:3")

    def test_revoked(self) -> None:
        """
        The tickets of a principal whose key was revoked open nothing, and the others' do.
        """
        lost, kept = self.give("key:a"), self.give("key:b")
        self.tickets.forget("key:a")
        self.assertIsNone(self.tickets.take(lost, PAGE, b"/ws"))
        self.assertEqual(self.tickets.take(kept, PAGE, b"/ws"), "key:b")

    def test_kept(self) -> None:
        """
        No ticket stands in what is written of them.
        """
        self.assertNotIn(self.give().decode(), repr(self.tickets))
