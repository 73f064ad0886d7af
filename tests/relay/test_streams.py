# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.streams`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.replay import Account
from mcpd.relay.spec import SessionLimits
from mcpd.relay.stream import RETRY
from mcpd.relay.streams import Streams
from mcpd.units import Bytes
from mcpd.wire.revision import REVISIONS
from tests.relay.test_stream import BARE, MARKED, PRIMING, message, numbers
from tests.relay.ways import FakeWay

LIMITS = SessionLimits(replay_events=8, replay_bytes=Bytes(1000), replay_streams=3)


class StreamsCase(SynchronousTestCase):
    """
    The streams of one session.
    """

    def setUp(self) -> None:
        """
        Have a client of the newest legacy revision.
        """
        self.have(PRIMING)

    def have(self, revision: str) -> None:
        """
        Have a client of some revision.
        """
        self.account = Account(10_000)
        self.streams = Streams(REVISIONS[revision], LIMITS, self.account)

    def stand(self, after: int | None = None) -> FakeWay:
        """
        Listen by a GET.
        """
        way = FakeWay()
        self.streams.stand(way, after)
        return way

    def tell(self, *numbers: int) -> None:
        """
        Tell what belongs to no request.
        """
        for number in numbers:
            self.streams.tell(message(number))


class StandingTests(StreamsCase):
    """
    Tests for the stream of what belongs to no request.
    """

    def test_live(self) -> None:
        """
        What belongs to no request goes out on the stream of a GET, at once, and on no other.
        """
        post = FakeWay()
        self.streams.open(post, b"1")
        get = self.stand()
        self.tell(1, 2)
        self.assertEqual((numbers(get), get.marks, get.ended), ([1, 2], [b"0-1", b"0-2"], False))
        self.assertEqual(get.primes, [(b"0-0", RETRY)])
        self.assertEqual(post.said, [])

    def test_revisions(self) -> None:
        """
        Its events are those that the client's revision knows.
        """
        for revision, marks in ((MARKED, [b"0-0", b"0-1"]), (BARE, [b"", b""])):
            self.have(revision)
            self.tell(1)
            get = self.stand()
            self.tell(2)
            self.assertEqual((numbers(get), get.marks, get.primes), ([1, 2], marks, []))

    def test_waits(self) -> None:
        """
        What is told while nobody listens is sent to the next who does, once.
        """
        for revision in (PRIMING, MARKED, BARE):
            self.have(revision)
            self.tell(1, 2)
            first = self.stand()
            self.streams.leave()
            self.tell(3)
            second = self.stand()
            self.assertEqual((numbers(first), numbers(second)), ([1, 2], [3]))

    def test_twice(self) -> None:
        """
        What waits to be said already is not said twice; what was said is.
        """
        self.tell(1, 2, 1, 2)
        get = self.stand()
        self.tell(1, 1)
        self.assertEqual(numbers(get), [1, 2, 1, 1])
        self.streams.leave()
        self.tell(1)
        self.assertEqual(numbers(self.stand()), [1])

    def test_not_others(self) -> None:
        """
        What waits on another stream is no reason not to say it.
        """
        stream = self.streams.open(FakeWay(), b"1")
        stream.park()
        stream.notice(message(1))
        self.tell(1)
        self.assertEqual(numbers(self.stand()), [1])

    def test_taken_over(self) -> None:
        """
        A newer GET takes over, and the older one ends.
        """
        former = self.stand()
        latter = self.stand()
        self.tell(1)
        self.assertEqual((former.ended, numbers(former), numbers(latter)), (True, [], [1]))

    def test_resumed(self) -> None:
        """
        A GET that says its last event gets what followed it, whether it was sent or not.
        """
        first = self.stand()
        self.tell(1, 2)
        self.streams.leave()
        self.tell(3)
        found = self.streams.find(first.marks[0])
        assert found is not None
        stream, after = found
        self.assertEqual((stream.number, after), (0, 1))
        self.assertEqual(numbers(self.stand(after)), [2, 3])

    def test_bound(self) -> None:
        """
        Of what waits only so much is kept: the oldest is dropped.
        """
        self.tell(*range(20))
        self.assertEqual(numbers(self.stand()), list(range(12, 20)))

    def test_nothing_kept(self) -> None:
        """
        Nothing is kept for a client of 2024-11-05 that was sent, since it can't come back for it.
        """
        self.have(BARE)
        self.tell(1)
        self.stand()
        self.tell(2)
        self.assertFalse(self.streams.replay.has(0))


class FindTests(StreamsCase):
    """
    Tests for where a client may go on.
    """

    def test_strange(self) -> None:
        """
        An event's id that was never given leads nowhere.
        """
        stream = self.streams.open(FakeWay(), b"1")
        stream.notice(message(1))
        self.stand()
        for mark in (b"0-0", b"1-0", b"1-1"):
            self.assertIsNotNone(self.streams.find(mark), mark)
        strange = (b"", b"-", b"1", b"1-", b"-1", b"1-1-1", b"1-1\n", b" 1-1", b"x-1", b"1-2", b"2-0", b"0-1")
        for mark in (*strange, b"\xd9\xa1-0", b"1" * 16 + b"-1", b"1-" + b"1" * 5000):
            self.assertIsNone(self.streams.find(mark), mark)

    def test_unsent(self) -> None:
        """
        An event that was not sent yet is no place to go on from.
        """
        stream = self.streams.open(FakeWay(), b"1")
        stream.park()
        stream.notice(message(1))
        self.tell(2)
        self.assertIsNone(self.streams.find(b"1-1"))
        self.assertIsNone(self.streams.find(b"0-0"))

    def test_bare(self) -> None:
        """
        A client of 2024-11-05 can resume nothing.
        """
        self.have(BARE)
        self.streams.open(FakeWay(), b"1").notice(message(1))
        self.stand()
        self.tell(2)
        for mark in (b"1-0", b"0-0"):
            self.assertIsNone(self.streams.find(mark))

    def test_own(self) -> None:
        """
        Who resumes a stream gets nothing of another one.
        """
        first, second = (self.streams.open(FakeWay(), id) for id in (b"1", b"2"))
        for stream in (first, second):
            stream.park()
        first.notice(message(1))
        self.tell(2)
        second.answer(message(3))
        found = self.streams.find(b"1-0")
        assert found is not None
        get = FakeWay()
        found[0].resume(get, found[1])
        self.assertEqual((numbers(get), get.ended), ([1], False))


class KnownTests(StreamsCase):
    """
    Tests for which streams are known, and for how long.
    """

    def test_fetched(self) -> None:
        """
        A stream that is over is forgotten when its events have given way to later ones.
        """
        stream = self.streams.open(FakeWay(), b"1")
        stream.answer(message(0))
        self.assertIsNotNone(self.streams.find(b"1-0"))
        self.tell(*range(1, 9))
        self.assertIsNone(self.streams.find(b"1-0"))

    def test_running(self) -> None:
        """
        A stream that is not over is known however much else is said.
        """
        stream = self.streams.open(FakeWay(), b"1")
        stream.notice(message(0))
        self.tell(*range(1, 9))
        self.assertIsNotNone(self.streams.find(b"1-0"))

    def test_too_many(self) -> None:
        """
        Of too many streams the oldest one that is over gives way.
        """
        _, second, third = (self.streams.open(FakeWay(), id) for id in (b"1", b"2", b"3"))
        third.answer(message(3))
        second.answer(message(2))
        self.streams.open(FakeWay(), b"4")
        known = [self.streams.find(b"%d-0" % number) is not None for number in (1, 2, 3, 4)]
        self.assertEqual(known, [True, False, True, True])
        self.assertFalse(self.streams.replay.has(2))

    def test_all_running(self) -> None:
        """
        If none is over, the new one can't be resumed, and is not asked to be polled, but is served.
        """
        ways = [FakeWay() for _ in range(4)]
        streams = [self.streams.open(way, b"1") for way in ways]
        streams[3].park()
        streams[3].notice(message(1))
        streams[3].answer(message(2))
        self.assertEqual((ways[3].primes, ways[3].marks, numbers(ways[3])), ([], [b"", b""], [1, 2]))
        self.assertIsNone(self.streams.find(b"4-0"))

    def test_end(self) -> None:
        """
        At the end all streams end, and nothing is kept.
        """
        live, parked, get = FakeWay(), FakeWay(), self.stand()
        self.streams.open(live, b"1")
        stream = self.streams.open(parked, b"2")
        stream.park()
        stream.notice(message(1))
        self.streams.end()
        self.assertTrue(live.ended and get.ended)
        stream.answer(message(2))
        self.tell(3)
        for mark in (b"0-0", b"1-0", b"2-0"):
            self.assertIsNone(self.streams.find(mark))
        self.assertEqual((self.streams.replay.has(2), self.account.held), (False, 0))

    def test_end_unused(self) -> None:
        """
        A session that never streamed has nothing to end.
        """
        self.streams.end()
        self.assertIsNone(self.streams.find(b"0-0"))
