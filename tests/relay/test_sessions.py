# -*- test-case-name: tests.relay.test_sessions -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.sessions`.
"""

from __future__ import annotations

import re

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.exchange import Exchange
from mcpd.relay.sessions import Session, Sessions
from mcpd.relay.spec import SessionLimits
from mcpd.units import Seconds
from mcpd.wire.fault import Fault
from mcpd.wire.revision import NEWEST_LEGACY
from tests.relay.stage import Way, tool

ALICE, BOB = "key:alice", "key:bob"
PATH = b"/mcp"
LIMITS = SessionLimits(idle=Seconds(100), life=Seconds(1000), per_principal=2, total=3)


@define(eq=False)
class Work:
    """
    An exchange that runs in a session, and its books (:class:`mcpd.relay.exchange.Books`).

    Attributes:
        way: The way back to its client.
        exchange: The exchange.
    """

    session: Session
    id: bytes = b"1"
    way: Way = field(factory=Way)
    exchange: Exchange = field(init=False)

    def __attrs_post_init__(self) -> None:
        siblings, tongue = self.session.running, self.session.tongue
        self.exchange = siblings[self.id] = Exchange(
            self.id, ALICE, siblings, tongue, self.way, tool(), None, self
        )
        self.exchange.follow(Deferred())

    @property
    def cancels(self) -> int:
        """
        How often it was cancelled.
        """
        return self.way.ends

    def over(self, exchange: Exchange) -> None:
        """
        Leave the session's books.
        """
        del self.session.running[self.id]

    def unexpected(self, failure: Failure, number: str) -> Fault:
        """
        Fail the test: nothing unexpected happens here.
        """
        raise AssertionError(failure)


class SessionsTests(SynchronousTestCase):
    """
    Tests for legacy clients' sessions.
    """

    def setUp(self) -> None:
        """
        Have no session yet.
        """
        self.clock = Clock()
        self.drawn = 0
        self.sessions = Sessions(self.clock, self.entropy, LIMITS)

    def entropy(self, size: int) -> bytes:
        """
        Count up.
        """
        self.drawn += 1
        return (b"%d" % self.drawn).rjust(size, b"\xff")

    def make(self, caller: str = ALICE, path: bytes = PATH) -> Session:
        """
        Make a session.
        """
        return self.sessions.make(caller, path, NEWEST_LEGACY)

    def alive(self, *sessions: Session) -> list[bool]:
        """
        Say which sessions can still be found.
        """
        return [
            self.sessions.find(session.id, session.caller, session.path) is session for session in sessions
        ]

    def test_id(self) -> None:
        """
        An id has 256 random bits in visible ASCII, and no two sessions have one.
        """
        first, second = self.make(), self.make()
        self.assertNotEqual(first.id, second.id)
        for session in (first, second):
            self.assertIsNotNone(re.fullmatch(rb"[A-Za-z0-9_-]{43}", session.id))

    def test_bound(self) -> None:
        """
        A session is there for its principal and its path, and for nobody else.
        """
        session = self.make()
        self.assertIs(self.sessions.find(session.id, ALICE, PATH), session)
        self.assertIsNone(self.sessions.find(session.id, BOB, PATH))
        self.assertIsNone(self.sessions.find(session.id, ALICE, b"/mcp/files"))
        for id in (b"", session.id[:-1], session.id + b"=", session.id.lower()):
            self.assertIsNone(self.sessions.find(id, ALICE, PATH))
        self.assertEqual(session.tongue.revision, NEWEST_LEGACY)

    def test_foreign_look(self) -> None:
        """
        Another principal's look keeps no session alive.
        """
        session = self.make()
        self.clock.advance(90)
        self.sessions.find(session.id, BOB, PATH)
        self.clock.advance(11)
        self.assertEqual(self.alive(session), [False])

    def test_end(self) -> None:
        """
        A session that was ended is gone, with what ran in it; ending it again is nothing.
        """
        session, other = self.make(), self.make()
        works = [Work(session, b"1"), Work(session, b"2")]
        self.sessions.end(session)
        self.sessions.end(session)
        self.assertEqual([work.cancels for work in works], [1, 1])
        self.assertEqual(self.alive(session, other), [False, True])
        self.assertEqual(len(self.sessions), 1)

    def test_idle(self) -> None:
        """
        A session that is silent for too long is gone; each use keeps it alive.
        """
        used, silent = self.make(), self.make()
        self.clock.advance(60)
        self.assertEqual(self.alive(used), [True])
        self.clock.advance(60)
        self.assertEqual(self.alive(used, silent), [True, False])
        self.assertEqual(len(self.sessions), 1)

    def test_busy(self) -> None:
        """
        A session is not silent while something runs in it.
        """
        session = self.make()
        work = Work(session)
        self.clock.advance(500)
        self.sessions.sweep()
        self.assertEqual((len(self.sessions), work.cancels), (1, 0))
        self.assertEqual(self.alive(session), [True])

    def test_life(self) -> None:
        """
        No session lives longer than a session may, whatever it does.
        """
        session = self.make()
        for _ in range(10):
            self.clock.advance(100)
            self.assertEqual(self.alive(session), [True])
        work = Work(session)
        self.clock.advance(1)
        self.assertEqual(self.alive(session), [False])
        self.assertEqual(work.cancels, 1)

    def test_sweep(self) -> None:
        """
        A session that nobody asks for any more is swept away, and leaves nothing in the books.
        """
        self.make()
        self.clock.advance(50)
        fresh = self.make(BOB)
        self.clock.advance(51)
        self.sessions.sweep()
        self.assertEqual((len(self.sessions), self.alive(fresh)), (1, [True]))
        self.assertEqual(self.sessions._counts, {BOB: 1})

    def test_per_principal(self) -> None:
        """
        A principal with too many sessions loses its longest unused one, and nobody else any.
        """
        bob = self.make(BOB)
        first, second = self.make(), self.make()
        self.assertEqual(self.alive(first), [True])
        third = self.make()
        self.assertEqual(self.alive(bob, first, second, third), [True, True, False, True])

    def test_total(self) -> None:
        """
        Where there are too many in all, the longest unused one gives way, whosever it is.
        """
        first, second, third = self.make("a"), self.make("b"), self.make("c")
        self.assertEqual(self.alive(first), [True])
        fourth = self.make("d")
        self.assertEqual(self.alive(first, second, third, fourth), [True, False, True, True])
        self.assertEqual(len(self.sessions), 3)

    def test_busy_last(self) -> None:
        """
        Who must give way is one without work, and only if there is none, the longest unused.
        """
        first, second = self.make(), self.make()
        work = Work(first)
        third = self.make()
        self.assertEqual((self.alive(second), work.cancels), ([False], 0))
        Work(third)
        fourth = self.make()
        self.assertEqual((self.alive(first, third, fourth), work.cancels), ([False, True, True], 1))
