# -*- test-case-name: tests.relay.test_sessions -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.sessions`.
"""

from __future__ import annotations

import gc
import re
import weakref

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.session import Session
from mcpd.relay.sessions import Sessions
from mcpd.relay.spec import SessionLimits
from mcpd.units import Bytes, Seconds
from mcpd.wire.revision import NEWEST_LEGACY
from tests.relay.stage import House
from tests.relay.test_session import Work
from tests.relay.test_stream import message, numbers
from tests.relay.ways import FakeWay

ALICE, BOB = "key:alice", "key:bob"
PATH, OTHER = b"/mcp", b"/mcp/files"
LIMITS = SessionLimits(idle=Seconds(100), life=Seconds(1000), per_principal=2, total=3)
MANY = 10_000


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
        self.ended: list[Session] = []
        self.sessions = Sessions(self.clock, self.entropy, LIMITS, self.ended.append)

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

    def work(self, session: Session, id: bytes = b"1") -> Work:
        """
        Have something run in a session, until it is cancelled.
        """
        work = session.running[id] = Work()
        return work

    def stand(self, session: Session) -> FakeWay:
        """
        Have a session's client listen.
        """
        way = FakeWay()
        session.stand(way)
        return way

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
        self.assertIsNone(self.sessions.find(session.id, ALICE, OTHER))
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
        works = [self.work(session, id) for id in (b"1", b"2")]
        self.sessions.end(session)
        self.sessions.end(session)
        self.assertEqual([work.cancels for work in works], [1, 1])
        self.assertEqual(self.alive(session, other), [False, True])
        self.assertEqual((len(self.sessions), self.ended), (1, [session]))

    def test_end_streams(self) -> None:
        """
        A session that is ended has its streams ended.
        """
        session = self.make()
        way = self.stand(session)
        self.sessions.end(session)
        self.assertTrue(way.ended)

    def test_end_all(self) -> None:
        """
        At the server's end all sessions end, with what runs in them, and who wants to know hears of each.
        """
        sessions = [self.make(), self.make(), self.make(BOB)]
        work, way = self.work(sessions[0]), self.stand(sessions[1])
        self.alive(sessions[0])
        self.sessions.end_all()
        self.assertEqual((work.cancels, way.ended, len(self.sessions)), (1, True, 0))
        self.assertEqual(self.ended, sessions)

    def test_end_all_of_one(self) -> None:
        """
        When a principal is sent away their sessions end, with what runs in them, and nobody else's.
        """
        sessions = [self.make(), self.make(BOB), self.make(path=OTHER)]
        works = [self.work(session) for session in sessions]
        self.sessions.end_all(ALICE)
        self.assertEqual([work.cancels for work in works], [1, 0, 1])
        self.assertEqual(self.ended, [sessions[0], sessions[2]])
        self.assertIs(self.sessions.find(sessions[1].id, BOB, PATH), sessions[1])

    def test_unheard(self) -> None:
        """
        Sessions end where nobody wants to know, too.
        """
        self.sessions.on_end = None
        session = self.make()
        self.sessions.end(session)
        self.assertEqual(self.alive(session), [False])
        self.assertEqual(self.ended, [])

    def test_of(self) -> None:
        """
        A change is told to the sessions of a path, which may end meanwhile.
        """
        first, other, second = self.make(), self.make(path=OTHER), self.make(BOB)
        self.assertEqual((self.sessions.of(PATH), self.sessions.of(OTHER)), ([first, second], [other]))
        for session in self.sessions.of(PATH):
            self.sessions.end(session)
        self.assertEqual((self.sessions.of(PATH), self.sessions.of(b"/")), ([], []))

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
        work = self.work(session)
        self.clock.advance(500)
        self.sessions.sweep()
        self.assertEqual((len(self.sessions), work.cancels), (1, 0))
        self.assertEqual(self.alive(session), [True])

    def test_listening(self) -> None:
        """
        A session is not silent while its client listens, and for some time after that.
        """
        session = self.make()
        way = self.stand(session)
        self.clock.advance(99)
        self.sessions.sweep()
        self.clock.advance(99)
        self.sessions.sweep()
        way.lose()
        self.clock.advance(99)
        self.sessions.sweep()
        self.assertEqual(self.alive(session), [True])
        self.clock.advance(101)
        self.sessions.sweep()
        self.assertEqual(len(self.sessions), 0)

    def test_listening_found(self) -> None:
        """
        A client that did nothing but listen for long is still known.
        """
        session = self.make()
        self.stand(session)
        self.clock.advance(500)
        self.assertEqual(self.alive(session), [True])

    def test_rest(self) -> None:
        """
        A session whose use is over is silent from then on, and not since it was asked something.
        """
        session, other = self.make(), self.make()
        self.clock.advance(90)
        session.rest()
        self.clock.advance(90)
        self.sessions.sweep()
        self.assertEqual(self.sessions.of(PATH), [session])
        self.clock.advance(11)
        self.sessions.sweep()
        self.assertEqual((self.ended, len(self.sessions)), ([other, session], 0))

    def test_rest_late(self) -> None:
        """
        A session that has ended is not used any more, whatever ends in it.
        """
        session = self.make()
        self.sessions.end(session)
        session.rest()
        self.assertEqual((self.alive(session), len(self.sessions)), ([False], 0))

    def test_call(self) -> None:
        """
        A session whose call took longer than a session may be silent is not silent once it is over.
        """
        for outcome in (lambda job: job.answer(), lambda job: job.outcome.cancel()):
            house = House(session_limits=LIMITS)
            session = house.shake()
            house.legacy(session, "tools/call", {"name": "p__echo"})
            house.clock.advance(150)
            outcome(house.plugin.job)
            for seconds, ping in ((0, True), (99, True), (101, False)):
                house.clock.advance(seconds)
                house.sessions.sweep()
                self.assertEqual(len(house.sessions), ping, seconds)

    def test_call_at_end(self) -> None:
        """
        A session that is ended while a call runs is gone with it, and the client has its DELETE answered.
        """
        house = House(session_limits=LIMITS)
        session = house.shake()
        house.legacy(session, "tools/call", {"name": "p__echo"})
        self.assertEqual(house.end(session).empties, [204])
        self.assertEqual((len(house.plugin.cancelled), len(house.sessions)), (1, 0))

    def test_busy_order(self) -> None:
        """
        A session that is in use does not keep silent ones behind it alive.
        """
        for hold in (self.work, self.stand):
            busy, silent = self.make(), self.make()
            hold(busy)
            self.clock.advance(101)
            self.sessions.sweep()
            self.assertEqual(self.sessions.of(PATH), [busy])
            self.sessions.end(busy)
            self.assertEqual(self.ended[-2:], [silent, busy])

    def test_life(self) -> None:
        """
        No session lives longer than a session may, whatever it does.
        """
        session = self.make()
        for _ in range(10):
            self.clock.advance(100)
            self.assertEqual(self.alive(session), [True])
        work = self.work(session)
        self.clock.advance(1)
        self.assertEqual(self.alive(session), [False])
        self.assertEqual(work.cancels, 1)

    def test_life_swept(self) -> None:
        """
        A session that has lived for long enough is swept away, whatever runs in it, and no younger one.
        """
        old = self.make()
        work, way = self.work(old), self.stand(old)
        self.clock.advance(950)
        young = self.make()
        self.alive(old)
        self.clock.advance(51)
        self.sessions.sweep()
        self.assertEqual((work.cancels, way.ended), (1, True))
        self.assertEqual(self.sessions.of(PATH), [young])

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
        work = self.work(first)
        third = self.make()
        self.assertEqual((self.alive(second), work.cancels), ([False], 0))
        self.work(third)
        fourth = self.make()
        self.assertEqual((self.alive(first, third, fourth), work.cancels), ([False, True, True], 1))

    def test_listening_last(self) -> None:
        """
        A client that listens gives way only where all others are in use, too.
        """
        first, second = self.make(), self.make()
        way = self.stand(first)
        third = self.make()
        self.assertEqual((self.alive(first, second, third), way.ended), ([True, False, True], False))

    def test_replay_total(self) -> None:
        """
        What sessions keep for clients that were cut off is bounded over all, and let go with them.
        """
        limits = evolve(LIMITS, per_principal=5, total=5, replay_total=Bytes(5000))
        sessions = Sessions(self.clock, self.entropy, limits)
        told = (b"x" * 1000,)
        for number in range(20):
            session = sessions.make(ALICE, PATH, NEWEST_LEGACY)
            session.tell(told)
            post = FakeWay()
            stream = session.open(post, b"1")
            post.lose()
            stream.answer(told)
            self.assertTrue(0 < sessions.account.held <= 5000, number)
        sessions.end(session)
        session.tell(told)
        self.clock.advance(101)
        sessions.sweep()
        self.assertEqual((len(sessions), sessions.account.held), (0, 0))

    def test_many(self) -> None:
        """
        Ten thousand sessions that are made and abandoned are gone when they were silent for long enough.
        """
        # A session makes no circle that waits for the garbage collector.
        gc.disable()
        self.addCleanup(gc.enable)
        limits = SessionLimits(idle=Seconds(100), per_principal=MANY, total=MANY)
        sessions = Sessions(self.clock, self.entropy, limits)
        told = message(1)
        for number in range(MANY):
            session = sessions.make(f"key:{number % 7}", PATH, NEWEST_LEGACY)
            session.initialized()
            if number % 2:
                session.tell(told)
                post = FakeWay()
                session.open(post, b"1").notice(told)
                post.lose()
        del session
        refs = [weakref.ref(session) for session in sessions.of(PATH)]
        last = refs[-1]()
        assert last is not None
        way = self.stand(last)
        self.assertEqual((len(sessions), numbers(way)), (MANY, [1]))
        self.assertGreater(sessions.account.held, 0)
        way.lose()
        del last
        self.clock.advance(101)
        sessions.sweep()
        self.assertEqual(
            (len(sessions), sessions.of(PATH), sessions._counts, sessions._births), (0, [], {}, {})
        )
        self.assertEqual([ref for ref in refs if ref() is not None], [])
        self.assertEqual(sessions.account.held, 0)
