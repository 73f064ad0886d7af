# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.stream`.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.replay import Account
from mcpd.relay.spec import SessionLimits
from mcpd.relay.stream import RETRY, Stream
from mcpd.relay.streams import Streams
from mcpd.relay.way import Way
from mcpd.units import Bytes
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.revision import REVISIONS
from tests.relay.ways import FakeWay

LIMITS = SessionLimits(replay_events=6, replay_bytes=Bytes(1000))
PRIMING, MARKED, BARE = "2025-11-25", "2025-06-18", "2024-11-05"
LARGE = b'{"n":"%b"}' % (b"x" * 1000)


def message(number: int) -> tuple[bytes, ...]:
    """
    Make a message, in pieces.
    """
    return b'{"n":', b"%d" % number, b"}"


def numbers(way: FakeWay) -> list[Any]:
    """
    Tell which messages a way was given.
    """
    return [said["n"] for said in way.said]


class StreamCase(SynchronousTestCase):
    """
    The streams of one session.
    """

    def start(self, revision: str = PRIMING) -> tuple[Stream, FakeWay]:
        """
        Begin the stream of an exchange.
        """
        self.account = Account(10_000)
        self.streams = Streams(REVISIONS[revision], LIMITS, self.account)
        way = FakeWay("post")
        return self.streams.open(way, b"7"), way

    def resume(self, mark: bytes) -> FakeWay:
        """
        Resume a stream by a GET.
        """
        found = self.streams.find(mark)
        assert found is not None
        stream, after = found
        way = FakeWay("get")
        stream.resume(way, after)
        return way


class WayTests(StreamCase):
    """
    Tests for a stream as the way back of an exchange.
    """

    def test_primed(self) -> None:
        """
        A client of 2025-11-25 is told first from where it can go on, and when.
        """
        stream, way = self.start()
        self.assertEqual((way.primes, way.said, way.opened), ([(b"1-0", RETRY)], [], True))
        stream.notice(message(1))
        stream.answer(message(2))
        self.assertEqual((numbers(way), way.marks, way.ended), ([1, 2], [b"1-1", b"1-2"], True))

    def test_marked(self) -> None:
        """
        Older clients know the ids of events, but no events that are only an id.
        """
        for revision in ("2025-03-26", "2025-06-18"):
            stream, way = self.start(revision)
            stream.notice(message(1))
            stream.answer(message(2))
            self.assertEqual((way.primes, numbers(way), way.marks), ([], [1, 2], [b"1-0", b"1-1"]))

    def test_bare(self) -> None:
        """
        Clients of 2024-11-05 get events without ids.
        """
        stream, way = self.start(BARE)
        stream.notice(message(1))
        stream.answer(message(2))
        self.assertEqual((way.primes, numbers(way), way.marks), ([], [1, 2], [b"", b""]))

    def test_fault(self) -> None:
        """
        A fault is an answer, and has the request id of the connection that it goes out by.
        """
        stream, way = self.start()
        self.assertEqual(stream.id, "post")
        stream.fault(Fault(Kind.PARAMS, "no", {"name": "x"}), b"7", 400)
        (said,) = way.said
        error = {"code": -32602, "message": "no", "data": {"name": "x", "requestId": "post"}}
        self.assertEqual(said, {"jsonrpc": "2.0", "id": 7, "error": error})
        self.assertTrue(way.ended)

    def test_end(self) -> None:
        """
        A stream can end without an answer, and nothing follows that.
        """
        for say_nothing in (Stream.end, lambda stream: stream.empty(202)):
            stream, way = self.start()
            say_nothing(stream)
            self.assertTrue(way.ended)
            stream.notice(message(1))
            stream.answer(message(2))
            stream.end()
            self.assertEqual((way.said, way.hung_up), ([], None))
            self.assertIsNone(self.streams.find(b"1-0"))

    def test_once(self) -> None:
        """
        There is one answer, and nothing after it.
        """
        stream, way = self.start()
        stream.answer(message(1))
        stream.answer(message(2))
        stream.notice(message(3))
        stream.end()
        self.assertEqual(numbers(way), [1])
        self.assertEqual(numbers(self.resume(b"1-0")), [1])

    def test_way(self) -> None:
        """
        A stream can stand wherever a way back can, with marks of its own.
        """
        stream, way = self.start()
        back: Way = stream
        back.prime(b"other", 1)
        back.notice(message(1), b"other")
        self.assertEqual((way.primes[1:], way.marks), ([(b"1-1", 1)], [b"1-2"]))
        stream, way = self.start(MARKED)
        stream.open()
        self.assertTrue(way.opened)
        way.lose()
        stream.open()
        stream.prime()
        self.assertEqual(way.primes, [])


class ConnectionTests(StreamCase):
    """
    Tests for what a stream does when its connection goes, and comes.
    """

    def test_resumed(self) -> None:
        """
        Who was cut off gets what followed its last event, and then goes on.
        """
        for revision, marks in ((PRIMING, [b"1-2", b"1-3"]), (MARKED, [b"1-1", b"1-2"])):
            stream, post = self.start(revision)
            stream.notice(message(1))
            stream.notice(message(2))
            post.lose()
            stream.notice(message(3))
            get = self.resume(post.marks[0])
            self.assertEqual((numbers(get), get.marks, stream.id), ([2, 3], marks, "get"))
            stream.notice(message(4))
            stream.answer(message(5))
            self.assertEqual((numbers(get), get.ended), ([2, 3, 4, 5], True))
            self.assertEqual(numbers(post), [1, 2])
            self.assertEqual(len({*post.marks[:1], *get.marks}), 5)

    def test_primed_last(self) -> None:
        """
        Who resumes is primed after what it had missed, so that it misses nothing if it is cut off between.
        """
        stream, post = self.start()
        post.lose()
        stream.notice(message(1))
        get = self.resume(b"1-0")
        self.assertEqual((get.marks, get.primes), ([b"1-1"], [(b"1-2", RETRY)]))
        get.lose()
        stream.notice(message(2))
        self.assertEqual(numbers(self.resume(b"1-2")), [2])

    def test_answered(self) -> None:
        """
        An answer that came while nobody listened ends the stream that resumes.
        """
        stream, post = self.start()
        post.lose()
        stream.notice(message(1))
        stream.answer(message(2))
        get = self.resume(b"1-0")
        self.assertEqual((numbers(get), get.marks, get.ended), ([1, 2], [b"1-1", b"1-2"], True))
        self.assertEqual((get.primes, get.hung_up), ([], None))

    def test_again(self) -> None:
        """
        What was sent can be had again, since a client may have lost it.
        """
        stream, _ = self.start()
        stream.notice(message(1))
        stream.answer(message(2))
        for mark, expected in ((b"1-0", [1, 2]), (b"1-1", [2]), (b"1-2", [])):
            get = self.resume(mark)
            self.assertEqual((numbers(get), get.ended), (expected, True))

    def test_ended(self) -> None:
        """
        A stream that ended without an answer ends for who resumes it.
        """
        stream, _ = self.start()
        stream.notice(message(1))
        stream.end()
        get = self.resume(b"1-0")
        self.assertEqual((numbers(get), get.ended), ([1], True))

    def test_taken_over(self) -> None:
        """
        A second resume takes over: the former connection ends, and its end is no hang-up any more.
        """
        stream, post = self.start()
        former = self.resume(b"1-0")
        self.assertEqual((post.ended, post.hung_up), (True, None))
        latter = self.resume(b"1-0")
        self.assertEqual((former.ended, former.hung_up), (True, None))
        stream.notice(message(1))
        self.assertEqual((numbers(former), numbers(latter)), ([], [1]))

    def test_hung_up(self) -> None:
        """
        A client that can come back has not gone.
        """
        stream, way = self.start()
        calls: list[str] = []
        stream.hung_up = lambda: calls.append("gone")
        way.lose()
        self.assertEqual(calls, [])

    def test_gone(self) -> None:
        """
        A client of 2024-11-05 that hangs up can't come back: what follows is dropped.
        """
        stream, way = self.start(BARE)
        calls: list[str] = []
        stream.hung_up = lambda: calls.append("gone")
        way.lose()
        stream.notice(message(1))
        stream.answer(message(2))
        self.assertEqual((calls, stream.hung_up), (["gone"], None))
        self.assertFalse(self.streams.replay.has(1))
        self.start(BARE)[1].lose()

    def test_parked(self) -> None:
        """
        A client that is to poll gets its answer by GET; the exchange goes on.
        """
        stream, post = self.start()
        stream.park()
        self.assertEqual((post.primes, post.said), ([(b"1-0", RETRY)], []))
        self.assertEqual((post.ended, post.hung_up), (True, None))
        stream.park()
        get = self.resume(b"1-0")
        stream.park()
        self.assertEqual((get.primes, get.ended), ([(b"1-1", RETRY)], True))
        stream.answer(message(1))
        get = self.resume(b"1-1")
        self.assertEqual((numbers(get), get.marks, get.ended), ([1], [b"1-2"], True))

    def test_not_parked(self) -> None:
        """
        A client that does not know how to poll keeps its connection.
        """
        for revision in (MARKED, BARE):
            stream, way = self.start(revision)
            stream.park()
            self.assertFalse(way.ended)
            stream.answer(message(1))
            self.assertEqual(numbers(way), [1])


class BoundTests(StreamCase):
    """
    Tests for what can't be kept.
    """

    def lost(self, get: FakeWay) -> None:
        """
        Check that a client was told that its answer is lost.
        """
        self.assertEqual((get.said[-1]["id"], get.said[-1]["error"]["code"]), (7, -32603))
        self.assertIn("could not be kept", get.said[-1]["error"]["message"])
        self.assertTrue(get.ended)

    def test_large_answer(self) -> None:
        """
        An answer that is too large to be kept is sent to who listens.
        """
        stream, way = self.start()
        stream.answer((LARGE,))
        self.assertEqual(way.said, [{"n": "x" * 1000}])
        self.assertIsNone(self.streams.find(b"1-1"))

    def test_large_lost(self) -> None:
        """
        An answer that is too large to be kept while nobody listens becomes an error, not nothing.
        """
        stream, _ = self.start()
        stream.park()
        stream.answer((LARGE,))
        get = self.resume(b"1-0")
        self.lost(get)
        self.assertEqual(get.marks, [b"1-2"])

    def test_no_room(self) -> None:
        """
        An answer that is not kept, since other sessions keep so much, becomes an error when it is asked for.
        """
        stream, _ = self.start()
        stream.park()
        self.account.held = self.account.most
        stream.answer(message(1))
        self.lost(self.resume(b"1-0"))

    def test_large_batch(self) -> None:
        """
        The answers of a batch are told to be lost without an id, since no single one is meant.
        """
        streams = Streams(REVISIONS["2025-03-26"], LIMITS, Account(10_000))
        way, get = FakeWay(), FakeWay()
        stream = streams.open(way, b"")
        stream.notice(message(1))
        way.lose()
        stream.answer((LARGE,))
        stream.resume(get, 0)
        (said,) = get.said
        self.assertEqual(("id" in said, said["error"]["code"]), (False, -32603))

    def test_large_had(self) -> None:
        """
        Who was told that its answer is lost is not told again.
        """
        stream, _ = self.start()
        stream.notice(message(1))
        stream.park()
        stream.answer((LARGE,))
        get = self.resume(b"1-1")
        self.lost(get)
        get = self.resume(get.marks[0])
        self.assertEqual((get.said, get.ended), ([], True))

    def test_answer_dropped(self) -> None:
        """
        An answer that gave way to later events before anybody came for it becomes an error.
        """
        stream, _ = self.start()
        stream.park()
        stream.answer(message(1))
        other = self.streams.open(FakeWay(), b"8")
        for number in range(LIMITS.replay_events):
            other.notice(message(number))
        self.lost(self.resume(b"1-0"))
        self.assertIsNone(self.streams.find(b"1-0"))

    def test_gap(self) -> None:
        """
        Who missed more notices than are kept gets the others, and its answer.
        """
        stream, _ = self.start()
        stream.park()
        for number in range(10):
            stream.notice(message(number))
        stream.answer(message(10))
        get = self.resume(b"1-0")
        self.assertEqual((numbers(get), get.ended), ([5, 6, 7, 8, 9, 10], True))

    def test_large_notice(self) -> None:
        """
        A notice that is too large to be kept is sent to who listens, and missed by who does not.
        """
        stream, way = self.start()
        stream.notice((LARGE,))
        way.lose()
        stream.notice((LARGE,))
        stream.notice(message(3))
        self.assertEqual((len(way.said), numbers(self.resume(b"1-0"))), (1, [3]))
